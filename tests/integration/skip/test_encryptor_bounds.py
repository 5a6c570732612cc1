"""The face for encryptors at its bounds: who is let in by which name, how often, without TLS, and on errors."""

import logging
from collections.abc import Iterator

import httpx
import pytest

from strongroom.keysync.giving_errors import NoEntropyNowError
from strongroom.settings import EncryptorFaceSettings, PeerSettings, SkipSettings
from tests.integration.skip.conftest import KEY, KEY_ID, Face, Shelf, serving
from tests.services.ports import ReservedPort

MINE = f"/key/{KEY_ID}?remoteSystemID=KP-B"


def plain(port: int, **face: object) -> SkipSettings:
    return SkipSettings(
        system_id="KP-A",
        encryptor_face=EncryptorFaceSettings(port=port, plain_http=True, **face),
        peers={"b": PeerSettings(name="b", system_id="KP-B", url="https://127.0.0.1:1")},
    )


@pytest.fixture
def port() -> Iterator[int]:
    reserved = ReservedPort()
    yield reserved.number
    reserved.release()


@pytest.mark.parametrize("certificate", ["by-uri", "by-dns"])
def test_an_encryptor_is_known_by_a_name_in_its_certificate(face: Face, certificate: str) -> None:
    with face.client(certificate) as client:
        assert client.get(MINE).json()["key"] == KEY.hex()


def test_a_certificate_with_the_names_of_two_encryptors_is_nobodys(face: Face) -> None:
    with face.client("both") as client:
        assert client.get(MINE).status_code == 403
    assert face.shelf.asked == 0


def test_who_asks_too_often_is_told_to_wait_and_gets_his_key_later(port: int) -> None:
    shelf = Shelf()
    with (
        serving(plain(port, requests_per_second=2), shelf),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        answers = [client.get("/capabilities") for _ in range(20)]
        limited = [answer for answer in answers if answer.status_code == 429]

        assert len(limited) >= 15
        assert {answer.headers["Retry-After"] for answer in limited} == {"1"}
        assert client.get(MINE).status_code == 429
        assert shelf.asked == 0


def test_plain_http_is_served_on_loopback(port: int) -> None:
    with serving(plain(port), Shelf()), httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.get(MINE).json() == {"keyId": KEY_ID, "key": KEY.hex()}


def test_what_nobody_thought_of_is_500_and_tells_nothing(port: int, caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf(broken=RuntimeError(f"secret {KEY.hex()}"))
    with serving(plain(port), shelf), httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        # The server's own lines go elsewhere.
        logging.getLogger("uvicorn.error").addHandler(caplog.handler)
        answered = client.get("/entropy")

    assert answered.status_code == 500
    assert answered.headers["Cache-Control"] == "no-store"
    assert answered.headers["X-Trace-Id"]
    assert set(answered.json()) == {"error", "trace_id", "request_id"}
    said = answered.text + str(answered.headers) + caplog.text
    assert "skip.failed" in said
    assert KEY.hex() not in said
    assert "Traceback" not in said


def test_entropy_that_cannot_be_had_now_is_503(face: Face) -> None:
    face.shelf.broken = NoEntropyNowError("None.", next_step="Wait.")
    with face.client() as client:
        answered = client.get("/entropy")

    assert (answered.status_code, answered.headers["Retry-After"]) == (503, "5")
