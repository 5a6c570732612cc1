"""Time is bounded whatever the resolver does, and an address that is none is said to be so."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strongroom.alerts.errors import BadAddressError, ChannelFailedError
from strongroom.alerts.http import HttpClient, Request
from strongroom.alerts.network import Guard
from strongroom.alerts.sending import Sender
from strongroom.clock import SystemClock
from tests.integration.alerts.stage import SECRETS, message, settings_with

Resolve = Callable[..., list[tuple[object, ...]]]
MAIL = '[channels.it]\nkind = "email"\nhost = "mail.test"\nsecurity = "none"\nsender = "a@x.test"\nto = ["b@x.test"]\n'


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.alerts.http.TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr("strongroom.alerts.channels.mail.SECONDS", 1.0)


@pytest.fixture
def mail(tmp_path: Path) -> Sender:
    return Sender(settings_with(tmp_path, MAIL, SECRETS), SECRETS, SystemClock())


def answer(*addresses: str, after: Callable[[], object] = bool) -> Resolve:
    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        after()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return resolve


def took(work: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(ChannelFailedError, match="Nobody answers"):
        work()
    return time.monotonic() - began


@pytest.fixture
def for_long() -> Iterator[Callable[[], object]]:
    """What waits until the test is over, and longer than anything here may take."""
    over = threading.Event()
    yield lambda: over.wait(60)
    over.set()


def test_a_resolver_that_does_not_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch, mail: Sender, for_long: Callable[[], object]
):
    monkeypatch.setattr(socket, "getaddrinfo", answer("127.0.0.1", after=for_long))
    monkeypatch.setattr(socket, "getfqdn", lambda *_: for_long())

    assert took(lambda: HttpClient(Guard()).send(Request("https://hook.test/x"))) < 30
    assert took(lambda: mail.send("it", message())) < 30


def test_many_addresses_that_do_not_answer_take_no_longer_than_one(monkeypatch: pytest.MonkeyPatch, mail: Sender):
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = full.getsockname()[1]
    waiting = [socket.socket() for _ in range(4)]
    for client in waiting:
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer(*["127.0.0.1"] * 6)("h", port))
    mail.settings.channels["it"] = mail.settings.channels["it"].model_copy(update={"port": port})  # type: ignore[index] # a plain dictionary

    assert took(lambda: mail.send("it", message())) < 5
    for client in (*waiting, full):
        client.close()


@pytest.mark.parametrize(
    "url",
    ["hooks.test/T0/t0ken", "ftp://hooks.test/t0ken", "http://hooks.test:port/t0ken", "https://h.test/t0ken/\u00e9 x"],
)
def test_a_secret_address_that_is_none_is_named_without_being_repeated(url: str):
    with pytest.raises(BadAddressError, match="not an http:// or https:// address") as caught:
        HttpClient(Guard()).send(Request(url))

    assert "t0ken" not in str(caught.value)
