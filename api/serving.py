"""Bounds on a connection before it is known who asks: how much is read, for how long, and whose word is taken."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from strongroom.settings import process_environment

TRUSTED = "FORWARDED_ALLOW_IPS"
FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-proto"})
MOST_HEAD_BYTES = 64 * 1024
"""What a request line and its headers may take together."""
SECONDS_FOR_HEAD = 20.0


class BoundedHttp(HttpToolsProtocol):
    """HTTP whose requests begin within bounds: uvicorn's own keeps headers as long as they come, and waits for ever.

    Where FORWARDED_ALLOW_IPS names no proxies, uvicorn believes every program on this machine about where a request
    comes from: any could write itself another address, and be counted, let in and recorded as that.
    """

    seconds_for_head = SECONDS_FOR_HEAD

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._has_proxies = bool(process_environment().get(TRUSTED, "").strip())

    def connection_made(self, transport: Any) -> None:
        """Give the first request its time."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._head_is_there()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the headers go on for too long."""
        super().data_received(data)
        if self._deadline is None:
            return
        self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        """Give a further request of the connection its time."""
        super().on_message_begin()
        if self._deadline is None:
            self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, but for those of proxies that there are not."""
        if self._has_proxies or name.lower() not in FORWARDED:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the request take as long as it takes from here on."""
        self._head_is_there()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._deadline = self.loop.call_later(self.seconds_for_head, self.transport.close)

    def _head_is_there(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
