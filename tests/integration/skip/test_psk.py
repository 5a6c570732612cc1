"""Encryptors with a pre-shared key, as independent clients: `openssl s_client` in TLS 1.2, tlslite-ng in TLS 1.3."""

import json
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from tlslite.errors import BaseTLSException

from api.encryptor.errors import WeakPskError
from api.encryptor.listening import listeners
from api.encryptor.process import make_encryptor_server
from api.errors import TlsUnsupportedError
from api.peer.process import make_peer_server
from api.tls.probe import verify_tls
from strongroom.runtime import build_runtime
from strongroom.settings import EncryptorFaceSettings, EncryptorSettings, SkipSettings, load_settings
from tests.integration.skip.conftest import KEY, KEY_ID, PSK, Face
from tests.services.psk_clients import PskClient

ASK = f"GET /key/{KEY_ID}?remoteSystemID=KP-B HTTP/1.1\r\nHost: KP-A\r\nConnection: close\r\n\r\n".encode()
SHA384 = 0x1302


def ask_in_1_2(face: Face, suite: str, identity: str = "fw-1", psk: bytes = PSK, options: Sequence[str] = ()) -> bytes:
    return PskClient(face.psk_port, identity, psk).ask_in_1_2(ASK, suite, options)


def ask_in_1_3(face: Face, digest: str = "sha384", identity: str = "fw-1", psk: bytes = PSK) -> tuple[int, bytes]:
    return PskClient(face.psk_port, identity, psk).ask_in_1_3(ASK, digest)


def key_in(answer: bytes) -> object:
    return json.loads(answer.partition(b"\r\n\r\n")[2])["key"]


def test_the_probe_finds_that_this_python_can() -> None:
    verify_tls()


@pytest.mark.parametrize("make", [make_encryptor_server, make_peer_server])
def test_a_face_does_not_start_where_this_python_cannot(make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "strongroom.toml"
    config.write_text('[regions.eu]\npath = "eu"\n[skip]\nsystem_id = "KP-A"\n')
    monkeypatch.setattr("sys.executable", "/bin/false")

    with pytest.raises(TlsUnsupportedError):
        make(build_runtime(load_settings(config, {})))


@pytest.mark.parametrize("suite", ["DHE-PSK-AES256-CBC-SHA384", "DHE-PSK-AES256-CBC-SHA", "DHE-PSK-AES256-GCM-SHA384"])
def test_a_key_is_given_in_tls_1_2(face: Face, suite: str) -> None:
    assert key_in(ask_in_1_2(face, suite)) == KEY.hex()


def test_a_key_is_given_in_tls_1_3_with_sha384(face: Face) -> None:
    suite, answer = ask_in_1_3(face)

    assert (suite, key_in(answer)) == (SHA384, KEY.hex())


@pytest.mark.parametrize(
    ("suite", "identity", "psk"),
    [
        ("DHE-PSK-AES256-GCM-SHA384", "fw-1", bytes(32)),
        ("DHE-PSK-AES256-GCM-SHA384", "fw-2", PSK),
        ("PSK-AES256-GCM-SHA384", "fw-1", PSK),
    ],
)
def test_a_wrong_key_identity_or_suite_gets_nothing_in_tls_1_2(
    face: Face, suite: str, identity: str, psk: bytes
) -> None:
    assert ask_in_1_2(face, suite, identity, psk) == b""
    assert face.shelf.asked == 0


@pytest.mark.parametrize(
    ("digest", "identity", "psk"),
    [("sha384", "fw-1", bytes(32)), ("sha384", "fw-2", PSK), ("sha256", "fw-1", PSK)],
)
def test_a_wrong_key_identity_or_digest_gets_nothing_in_tls_1_3(
    face: Face, digest: str, identity: str, psk: bytes
) -> None:
    with pytest.raises((BaseTLSException, OSError)):
        ask_in_1_3(face, digest, identity, psk)
    assert face.shelf.asked == 0


def test_a_certificate_opens_nothing_on_the_port_for_keys(face: Face) -> None:
    context = face.context()
    with (
        socket.create_connection(("127.0.0.1", face.psk_port), timeout=10) as plain,
        pytest.raises(OSError, match=r"SSL|reset|EOF"),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


@pytest.mark.parametrize("psk", ["00" * 31, "00" * 257, "a passphrase"])
def test_a_psk_that_is_no_random_key_is_refused_at_the_start(psk: str) -> None:
    skip = SkipSettings(
        system_id="KP-A",
        encryptor_face=EncryptorFaceSettings(psk_port=1),
        encryptors={"fw-1": EncryptorSettings(name="fw-1", psk_env="PSK")},
    )

    with pytest.raises(WeakPskError, match="encryptor fw-1"):
        listeners(skip, {"PSK": psk})


def test_no_session_is_offered_in_tls_1_2_that_would_come_back_without_an_identity(face: Face, tmp_path: Path) -> None:
    session = tmp_path / "session.pem"

    answered = ask_in_1_2(face, "DHE-PSK-AES256-GCM-SHA384", options=("-sess_out", str(session)))

    assert key_in(answered) == KEY.hex()
    assert not session.exists()
