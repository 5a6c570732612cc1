"""Logging in over HTTP: paths and fields of the requirement, one message for what is wrong, and what tokens open."""

import re
from collections.abc import Iterator

import pytest
from fastapi.routing import iter_route_contexts
from httpx import Response

from strongroom.access.operations import OPERATIONS
from strongroom.access.principals import Role
from tests.integration.accounts.conftest import OpenSite, Site
from tests.services.canaries import shows_code
from tests.services.operators import PASSWORD, OpenOperators

TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


def test_with_second_factors_off_a_login_is_the_plain_one(open_site: OpenSite) -> None:
    answer = open_site(Role.ADMIN, MFA_ENABLED="false").log_in()

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    golden = '{"access_token":"T","refresh_token":"T","token_type":"bearer","expires_in":900}'
    assert TOKEN.sub("T", answer.text) == golden


def plain(answer: Response) -> tuple[int, str, str, str]:
    """Return what an answer is, with tokens and times that differ each time left out."""
    return (
        answer.status_code,
        answer.headers["Content-Type"],
        answer.headers["Cache-Control"],
        TOKEN.sub("T", answer.text),
    )


@pytest.mark.parametrize("enrolled", [False, True])
@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
def test_with_second_factors_off_every_step_is_the_plain_one(
    open_site: OpenSite, open_house: OpenOperators, sqlite_catalog_url: str, role: Role, *, enrolled: bool
) -> None:
    site = open_site(role, MFA_ENABLED="false")
    if enrolled:
        on = open_house(sqlite_catalog_url)
        on.enrol()
    golden = '{"access_token":"T","refresh_token":"T","token_type":"bearer","expires_in":900}'
    whole = (200, "application/json", "no-store", golden)

    first = site.log_in()
    assert plain(first) == whole
    assert plain(site.post("/refresh", {"refresh_token": first.json()["refresh_token"]})) == whole
    wrong = site.log_in(password="not the password")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "accounts.login_refused")
    out = site.post("/logout", token=site.log_in().json()["access_token"])
    assert (out.status_code, out.content) == (204, b"")


def test_who_has_no_second_factor_gets_the_same_answer_where_they_are_on(open_site: OpenSite) -> None:
    golden = '{"access_token":"T","refresh_token":"T","token_type":"bearer","expires_in":900}'

    assert TOKEN.sub("T", open_site().log_in().text) == golden


def test_enrolment_and_login_go_as_the_requirement_says(open_site: OpenSite) -> None:
    site = open_site()
    access = site.log_in().json()["access_token"]
    begun = site.post("/mfa/enable", token=access).json()
    assert begun.keys() == {"secret", "otpauth_uri", "qr_code", "qr_code_svg", "expires_in"}
    confirmed = site.post("/mfa/confirm", {"code": site.code(begun["secret"])}, access).json()
    assert (len(confirmed["backup_codes"]), confirmed["mfa_enabled"]) == (10, True)
    site.house.clock.move(seconds=30)

    first = site.log_in().json()
    assert (first.keys(), first["mfa_required"]) == ({"mfa_required", "mfa_token", "expires_in"}, True)
    second = site.post("/login/mfa-verify", {"mfa_token": first["mfa_token"], "code": site.code(begun["secret"])})
    assert second.json().keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    third = site.post(
        "/login/mfa-verify", {"mfa_token": site.log_in().json()["mfa_token"], "code": confirmed["backup_codes"][0]}
    )
    assert third.status_code == 200
    token = third.json()["access_token"]
    status = site.client.get("/api/v1/auth/mfa/status", headers={"Authorization": f"Bearer {token}"}).json()
    assert (status["mfa_enabled"], status["backup_codes_remaining"]) == (True, 9)

    site.house.clock.move(seconds=30)
    code = site.code(begun["secret"])
    assert site.post("/mfa/verify", {"code": code}, token).json() == {"verified": True, "method": "totp"}
    site.house.clock.move(seconds=30)
    new = site.post("/mfa/backup-codes/regenerate", {"code": site.code(begun["secret"])}, token).json()
    assert not set(new["backup_codes"]) & set(confirmed["backup_codes"])
    site.house.clock.move(seconds=30)
    body = {"password": PASSWORD, "code": site.code(begun["secret"])}
    assert site.post("/mfa/disable", body, token).json() == {"mfa_enabled": False}


def test_tokens_are_refreshed_and_ended(open_site: OpenSite) -> None:
    site = open_site()
    first, other = site.log_in().json(), site.log_in().json()
    second = site.post("/refresh", {"refresh_token": first["refresh_token"]}).json()
    assert site.post("/logout-others", token=second["access_token"]).json() == {"ended": 1}
    assert site.post("/logout-others", token=other["access_token"]).status_code == 401
    assert site.post("/logout", token=second["access_token"]).status_code == 204
    assert site.post("/logout", token=second["access_token"]).status_code == 401
    assert site.post("/refresh", {"refresh_token": second["refresh_token"]}).status_code == 401


def message(answer: object) -> tuple[object, ...]:
    document = answer.json()  # type: ignore[attr-defined] # a response of the test client
    return tuple(document.get(name) for name in ("status", "code", "title", "detail", "next_step"))


def test_whatever_is_wrong_with_a_password_has_one_message(open_site: OpenSite) -> None:
    site = open_site()
    tried = [("ana", "wrong password"), ("nobody", PASSWORD), ("ana", "x" * 10_000), ("n" * 10_000, "p"), ("", "")]

    assert len({message(site.log_in(name, password)) for name, password in tried}) == 1
    assert site.log_in("ana", "wrong password").status_code == 401


def test_whatever_is_wrong_with_an_mfa_token_has_one_message(open_site: OpenSite) -> None:
    site = open_site()
    access = site.log_in().json()["access_token"]
    _, codes = site.enrol(access)
    used = site.log_in().json()["mfa_token"]
    site.post("/login/mfa-verify", {"mfa_token": used, "code": codes[0]})
    expired = site.log_in().json()["mfa_token"]
    site.house.clock.move(minutes=5)
    wrong = [used, expired, access, "", "x", "é" * 30, "A" * 100_000, f"{used[:-4]}AAAA"]

    answers = [site.post("/login/mfa-verify", {"mfa_token": token, "code": codes[1]}) for token in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert len({message(answer) for answer in answers}) == 1


def test_an_address_that_failed_too_often_hears_429(open_site: OpenSite) -> None:
    site = open_site()
    site.house.limiter.most = 0

    answer = site.log_in()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "300")


def test_who_sent_five_wrong_codes_hears_429_and_when_to_come_back(open_site: OpenSite) -> None:
    site = open_site()
    secret, codes = site.enrol(site.log_in().json()["access_token"])
    site.house.clock.move(minutes=5)

    def verify(code: str) -> Response:
        return site.post("/login/mfa-verify", {"mfa_token": site.log_in().json()["mfa_token"], "code": code})

    assert [verify("not a code").status_code for _ in range(5)] == [403] * 5
    site.house.clock.move(seconds=100)
    refused = verify(codes[0])
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "200")
    site.house.clock.move(seconds=int(refused.headers["Retry-After"]))
    assert verify(site.code(secret)).status_code == 200


def test_a_limiter_that_is_away_is_a_503(open_site: OpenSite) -> None:
    site = open_site()
    site.house.limiter.away = True

    assert site.log_in().status_code == 503
    assert site.post("/login/mfa-verify", {"mfa_token": "x", "code": "1"}).status_code == 503


def test_an_unknown_field_is_refused_and_no_value_is_repeated(open_site: OpenSite) -> None:
    answer = open_site().post("/login", {"username": "ana", "password": 12345678, "admin": "canary-value"})

    assert answer.status_code == 422
    assert "canary-value" not in answer.text
    assert "12345678" not in answer.text


def every_operation(site: Site) -> Iterator[tuple[str, str, str]]:
    """Yield the name, method and address of every operation that is not public."""
    for route in iter_route_contexts(site.app.routes):
        for method in sorted(route.methods or ()):
            name = f"{method} {route.path}"
            if OPERATIONS[name].public is None:
                yield name, method, re.sub(r"\{[^}]*\}", "something", route.path)


@pytest.mark.parametrize("which", ["mfa_token", "refresh_token", "enroll_token"])
def test_a_token_of_another_kind_opens_nothing_else(open_site: OpenSite, which: str) -> None:
    site = open_site(Role.ADMIN)
    token = site.log_in().json()["enroll_token"]
    allowed = {name for name, row in OPERATIONS.items() if row.enrolling}
    if which != "enroll_token":
        _, codes = site.enrol(token)
        token = site.log_in().json()["mfa_token"]
        allowed = set()
    if which == "refresh_token":
        token = site.post("/login/mfa-verify", {"mfa_token": token, "code": codes[0]}).json()["refresh_token"]
    header = {"Authorization": f"Bearer {token}"}
    answers = {name: site.client.request(method, path, headers=header) for name, method, path in every_operation(site)}
    opened = {name: answer for name, answer in answers.items() if answer.status_code not in (401, 403)}
    refused = {answer.json()["code"] for answer in answers.values() if answer.status_code == 401}

    assert len(answers) > 60
    assert refused <= {"access.credential_refused"}
    assert opened.keys() <= allowed
    assert (opened.keys() == allowed) or which != "enroll_token"


def test_an_access_token_opens_what_is_the_operators_own(open_site: OpenSite) -> None:
    site = open_site()
    header = {"Authorization": f"Bearer {site.log_in().json()['access_token']}"}

    assert site.client.get("/api/v1/auth/mfa/status", headers=header).json()["mfa_required"] is False


def test_no_secret_is_in_the_log(open_site: OpenSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    site = open_site()
    first = site.log_in().json()
    secret, codes = site.enrol(first["access_token"])
    challenge = site.log_in().json()
    code = site.code(secret)
    last = site.post("/login/mfa-verify", {"mfa_token": challenge["mfa_token"], "code": code}).json()
    site.post("/login/mfa-verify", {"mfa_token": challenge["mfa_token"], "code": codes[0]})
    site.log_in(password="a wrong password that nobody sees")

    canaries = [PASSWORD, "a wrong password that nobody sees", secret, *codes]
    canaries += [*first.values(), *last.values(), challenge["mfa_token"]]
    texts = [canary for canary in canaries if isinstance(canary, str) and canary != "bearer"]
    assert [text for text in texts if text in caplog.text] == []
    assert not shows_code(caplog.text, code)


def test_the_api_warns_loudly_when_it_starts_without_second_factors(
    open_site: OpenSite, caplog: pytest.LogCaptureFixture
) -> None:
    open_site(MFA_ENABLED="false")
    assert "SECOND FACTORS ARE OFF" in caplog.text
