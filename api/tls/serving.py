"""Listens for HTTP over TLS, and tells the application who is on each connection."""

import asyncio
import logging
import os
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from api.tls.doors import MOST_CONNECTIONS, Door, Leave, Room
from strongroom.jobs.processes import ProcessIdentity, ProcessKind

EXTENSION = "strongroom.peer"
SECONDS_FOR_OPEN_REQUESTS = 3
STARTUP_FAILURE = 3
IDLE_SECONDS = 75
HEAD_SECONDS = 10
"""From the first byte of a request to the last one of its head; and for what comes of it after it was answered."""

log = logging.getLogger(__name__)

Names = frozenset[str]
Naming = Callable[[ssl.SSLObject], Names]


@dataclass(frozen=True, slots=True)
class Listener:
    """An address to listen on, how connections to it are protected, and how the caller's names are learnt."""

    host: str
    port: int
    context: ssl.SSLContext | None
    naming: Naming | None = None


def certificate_names(connection: ssl.SSLObject) -> Names:
    """Return the names in the caller's certificate: `URI:...`, `DNS:...` and `CN:...`."""
    certificate = connection.getpeercert() or {}
    alternative = cast(Sequence[tuple[str, str]], certificate.get("subjectAltName", ()))
    subject = cast(Sequence[Sequence[tuple[str, str]]], certificate.get("subject", ()))
    names = {f"{kind}:{name}" for kind, name in alternative if kind in ("URI", "DNS")}
    return frozenset(names | {f"CN:{value}" for part in subject for kind, value in part if kind == "commonName"})


def peer_names(scope: Scope) -> Names | None:
    """Return the names of the caller, or None on a connection without TLS."""
    names: Names | None = scope.get("extensions", {}).get(EXTENSION)
    return names


def identity_of(name: str, now: datetime) -> ProcessIdentity:
    """Return under which name one of any number of processes gives its signs of life."""
    host = socket.gethostname()
    return ProcessIdentity(f"{name}@{host}:{os.getpid()}", ProcessKind.API, host, os.getpid(), now)


def make_server(
    app: FastAPI, listeners: Sequence[Listener], most_connections: int = MOST_CONNECTIONS
) -> uvicorn.Server:
    """Return what answers on all listeners once its `run` is called, until the process is asked to end."""
    config = uvicorn.Config(
        app,
        http=H11Protocol,
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=SECONDS_FOR_OPEN_REQUESTS,
    )
    config.load()
    return _Server(config, listeners, Room(most_connections))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, listeners: Sequence[Listener], room: Room) -> None:
        super().__init__(config)
        self._listeners = listeners
        self._room = room

    async def startup(self, sockets: Any = None) -> None:
        try:
            doors = [self._door(listener) for listener in self._listeners]
        except OSError as error:
            log.critical("skip.not_listening: %s", error)
            sys.exit(STARTUP_FAILURE)
        # It would listen by itself, without a bound on handshakes and connections.
        await super().startup(sockets=[])
        self.servers = cast(Any, doors)
        for door in doors:
            door.open()

    def _door(self, listener: Listener) -> Door:
        def make(leave: Leave) -> asyncio.Protocol:
            return _Caller(listener.naming, leave, self.config, self.server_state, self.lifespan.state)

        log.info("skip.listening %s:%d", listener.host, listener.port)
        return Door(listener.host, listener.port, listener.context, make, self._room)


class _Caller(H11Protocol):
    """One connection: who is on it, and for how long it may say nothing whole."""

    def __init__(self, naming: Naming | None, leave: Leave, *inside: Any) -> None:
        super().__init__(*inside)
        self._naming = naming
        self._leave = leave
        self._slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        if self._naming is not None and connection is not None:
            self.app = _naming_app(self.app, self._naming(connection))
        self.timeout_keep_alive_task = self.loop.call_later(IDLE_SECONDS, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle
        in_work = cycle is not None and not cycle.response_complete
        if in_work and self._slow is not None:
            self._slow.cancel()
            self._slow = None
        elif not in_work and self._slow is None:
            # A timer that does not begin anew with every byte.
            self._slow = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._slow is not None:
            self._slow.cancel()
        super().connection_lost(exc)
        self._leave()


def _naming_app(app: Any, names: Names) -> Any:
    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[EXTENSION] = names
        await app(scope, receive, send)

    return named
