"""One request to an address from the settings: within seconds, to where it may lead, without following anybody."""

import http.client
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from strongroom.alerts.errors import BadAddressError, ChannelFailedError
from strongroom.alerts.network import Guard, Place, connected

TIMEOUT_SECONDS = 5.0
MOST_BYTES = 64 * 1024
"""Of a message, and of an answer."""


Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: an address, a body, and headers without line breaks."""

    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


class HttpClient:
    """Sends requests where the guard allows."""

    def __init__(self, guard: Guard, *, seconds: float | None = None) -> None:
        self._guard = guard
        self._seconds = TIMEOUT_SECONDS if seconds is None else seconds

    def send(self, request: Request) -> bytes:
        """Send a request and return the body of a 2xx answer, whole.

        Raises ChannelFailedError for any other answer, a redirect too, and for none; ChannelForbiddenError.
        """
        if len(request.body) > MOST_BYTES:
            raise ChannelFailedError("The message is over 64 KiB.", next_step="Report this: messages are kept short.")
        parts = _split(request.url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        place = Place(host, parts.port or (443 if secure else 80))
        with connected(place, guard=self._guard, encrypted=secure, seconds=self._seconds) as connection:
            try:
                return _exchange(connection, parts.netloc.rpartition("@")[2], request)
            except (OSError, http.client.HTTPException) as error:
                raise ChannelFailedError(_broken(host, error), next_step="See whether it works.") from None


def fitting(parts: Sequence[Part], body_of: Callable[[Sequence[Part]], bytes]) -> bytes:
    """Return the body of as many parts, from the first on, as a message may hold; of one in any case."""
    count = len(parts)
    while len(body := body_of(parts[:count])) > MOST_BYTES and count > 1:
        count -= 1
    return body


def _exchange(connection: socket.socket, host: str, request: Request) -> bytes:
    speaker = http.client.HTTPConnection(host)
    speaker.sock = connection
    parts = _split(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    usual = {"Host": host, "Connection": "close", "User-Agent": "strongroom", "Content-Length": str(len(request.body))}
    speaker.request(request.method, target, body=request.body, headers=usual | dict(request.headers))
    answer = speaker.getresponse()
    content = answer.read(MOST_BYTES)
    if 200 <= answer.status < 300:
        _verify_whole(answer, content)
        return content
    hint = " A redirect is not followed." if 300 <= answer.status < 400 else ""
    raise ChannelFailedError(f"It answered {answer.status}.{hint}", next_step="Check its address and its secret.")


def _split(url: str) -> SplitResult:
    """Take an address apart; raises BadAddressError, which does not repeat it: it may be a secret."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or any(not "!" <= character <= "~" for character in url):
        raise BadAddressError(
            "It is not an http:// or https:// address.", next_step="Correct it where the settings say it is."
        )
    return parts


def _verify_whole(answer: http.client.HTTPResponse, content: bytes) -> None:
    if len(content) == MOST_BYTES:
        raise ChannelFailedError("The answer is over 64 KiB.", next_step="See whether it is the right address.")
    # Read with a limit, the standard library says nothing about an answer that ends too early.
    if answer.length:
        raise http.client.IncompleteRead(content, answer.length)


def _broken(host: str, error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return f"{host} cut its answer short."
    if isinstance(error, http.client.RemoteDisconnected | TimeoutError):
        return f"{host} gave no answer."
    return f"{host} broke the connection off ({type(error).__name__})."
