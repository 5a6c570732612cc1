"""Wrong, expired, reused, malformed and oversized values are refused in the same words."""

from collections.abc import Callable, Iterable

from httpx import Response

from tests.integration.accounts.conftest import OpenSite, Site
from tests.services.operators import PASSWORD

OVERSIZED = "A" * 200_000
Answer = Callable[[str], Response]


def _told(answers: Iterable[Response]) -> set[tuple[int, str, str, str]]:
    bodies = [(answer.status_code, answer.json()) for answer in answers]
    return {(status, body["code"], body["detail"], body["next_step"]) for status, body in bodies}


def _site(open_site: OpenSite) -> tuple[Site, str, list[str]]:
    site = open_site()
    secret, codes = site.enrol(site.log_in().json()["access_token"])
    return site, secret, codes


def test_names_and_passwords(open_site: OpenSite) -> None:
    site, _, _ = _site(open_site)
    site.house.operators.accounts.add("rui", site.house.operators.accounts.get("ana").role, PASSWORD)
    site.house.operators.accounts.disable("rui")
    tries = [
        ("ana", "wrong"),
        ("nobody", PASSWORD),
        ("rui", PASSWORD),
        ("", ""),
        ("ana\0", "x"),
        ("a" * 5000, OVERSIZED),
    ]
    assert len(_told(site.log_in(name, password) for name, password in tries)) == 1


def test_tokens_of_a_login(open_site: OpenSite) -> None:
    site, secret, _ = _site(open_site)

    def verify(token: str) -> Response:
        return site.post("/login/mfa-verify", {"mfa_token": token, "code": site.code(secret)})

    used, expired = site.log_in().json()["mfa_token"], site.log_in().json()["mfa_token"]
    access = verify(used).json()["access_token"]
    site.house.clock.move(minutes=6)
    tries = ["", "x", OVERSIZED, used, expired, access, used[:-1], f"{used}A", "e30.e30.", f"é{used}"]
    assert len(_told(map(verify, tries))) == 1


def test_access_tokens(open_site: OpenSite) -> None:
    site, secret, _ = _site(open_site)

    def enter() -> dict[str, str]:
        token = site.log_in().json()["mfa_token"]
        answer: dict[str, str] = site.post("/login/mfa-verify", {"mfa_token": token, "code": site.code(secret)}).json()
        site.house.clock.move(seconds=30)
        return answer

    def look(token: str) -> Response:
        answer: Response = site.client.get("/api/v1/auth/mfa/status", headers={"Authorization": f"Bearer {token}"})
        return answer

    ended, expired = enter()["access_token"], enter()
    site.post("/logout", token=ended)
    site.house.clock.move(minutes=16)
    tries = ["", "x", "e30.e30.", OVERSIZED[:8000], ended, expired["access_token"], expired["refresh_token"]]
    assert len(_told(map(look, tries))) == 1


def test_refresh_tokens(open_site: OpenSite) -> None:
    site = open_site()
    first = site.log_in().json()
    idle = site.log_in().json()["refresh_token"]

    def refresh(token: str) -> Response:
        return site.post("/refresh", {"refresh_token": token})

    assert refresh(first["refresh_token"]).status_code == 200
    site.house.clock.move(minutes=31)
    tries = ["", "x", OVERSIZED, first["refresh_token"], idle, first["access_token"]]
    assert len(_told(map(refresh, tries))) == 1


def test_codes(open_site: OpenSite) -> None:
    site, _, codes = _site(open_site)

    def verify(code: str) -> Response:
        site.house.clock.move(minutes=6)
        return site.post("/login/mfa-verify", {"mfa_token": site.log_in().json()["mfa_token"], "code": code})

    assert verify(codes[0]).status_code == 200
    tries = ["", "x", "12345", "1234567", "١٢٣٤٥٦", "000000", OVERSIZED, codes[0], codes[0][:-1]]
    assert len(_told(map(verify, tries))) == 1
