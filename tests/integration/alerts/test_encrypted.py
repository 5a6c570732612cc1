"""Channels over TLS: the certificate is verified, and the time is bounded there too."""

import ssl
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from strongroom.alerts.errors import ChannelFailedError
from strongroom.alerts.http import HttpClient, Request
from strongroom.alerts.network import Guard
from tests.services.certificates import Certificates, make_certificates
from tests.services.loud import Ear, Mood, _Handler

GUARD = Guard(["127.0.0.0/8", "::1/128"])


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path / "certificates")


@pytest.fixture
def secure_ear(certificates: Certificates) -> Iterator[Ear]:
    """An ear over TLS."""
    ear = Ear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.ear = ear  # type: ignore[attr-defined] # what belongs to this server
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.cert, certificates.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    ear.url = f"https://localhost:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield ear
    ear.ending.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_certificate_that_is_known_is_taken(
    secure_ear: Ear, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))

    HttpClient(GUARD).send(Request(secure_ear.url, b"{}"))

    assert [heard.body for heard in secure_ear.heard] == [b"{}"]


def test_a_certificate_that_nobody_knows_is_refused(secure_ear: Ear):
    with pytest.raises(ChannelFailedError, match="No encrypted connection"):
        HttpClient(GUARD).send(Request(secure_ear.url, b"{}"))

    assert secure_ear.heard == []


@pytest.mark.parametrize("mood", [Mood.DRIPS, Mood.HANGS])
def test_time_is_bounded_over_tls(
    secure_ear: Ear, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, mood: Mood
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    secure_ear.mood = mood
    began = time.monotonic()

    with pytest.raises(ChannelFailedError):
        HttpClient(GUARD, seconds=1.0).send(Request(secure_ear.url, b"{}"))

    assert time.monotonic() - began < 15


NOT_PUBLIC = (
    "127.0.0.1 10.1.2.3 169.254.169.254 192.168.0.1 0.0.0.0 224.0.0.1 100.64.0.1 "
    "::1 fe80::1 fd00::1 ::ffff:10.0.0.1 2002:7f00:1:: 64:ff9b::a00:1"
)


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_addresses_that_are_not_public_are_refused(address: str):
    assert not Guard().allows(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_are_allowed(address: str):
    assert Guard().allows(address)


def test_what_is_listed_is_allowed_and_nothing_beside_it():
    guard = Guard(["10.1.0.0/16"])

    assert guard.allows("10.1.2.3")
    assert guard.allows("::ffff:10.1.2.3")
    assert not guard.allows("10.2.0.1")
