"""The routes for peers: `POST /sync`, `GET /status/sync` and `GET /status/health`.

Each is for providers that are configured as peers and show it by their certificate. What is refused, and every path and
method that is not there, gets one answer.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from anyio.to_thread import run_sync
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.hiding import HiddenErrors
from api.peer.turns import Turns
from api.tls.serving import peer_names
from api.tracing import NO_TELEMETRY, TraceHeaders
from strongroom.clock import RandomBytes
from strongroom.errors import UnavailableError
from strongroom.keysync.answering import REFUSED, UNAVAILABLE, Answer
from strongroom.keysync.identities import find_provider
from strongroom.keysync.letters import LARGEST_BODY
from strongroom.keysync.refusals import Reason
from strongroom.keysync.strict_json import write_object

log = logging.getLogger(__name__)

BODY_SECONDS = 10.0
_URI = "URI:"


class Takes(Protocol):
    """Takes messages of peers."""

    def receive(self, body: bytes, tls_peer: str | None) -> Answer:
        """Return what to answer."""

    def refuse(self, reason: Reason, tls_peer: str | None) -> Answer:
        """Note why a message was refused that could not be read, and return what to answer."""

    def knows(self, tls_peer: str | None) -> bool:
        """Say whether a provider is a peer."""


@dataclass(frozen=True, slots=True)
class PeerFace:
    """What the routes work with: `standing` says how one peer is, `verify` raises where something needed is away.

    `count` returns the counters of the pair with one peer.
    """

    receiver: Takes
    standing: Callable[[str], Mapping[str, Any]]
    verify: Callable[[], None]
    count: Callable[[str], Mapping[str, Any]] = lambda _: {}
    turns: Turns = field(default_factory=Turns)

    async def sync(self, request: Request) -> Response:
        """`POST /sync`: one message of a peer."""
        peer = _peer(request)
        if peer is None or not self.receiver.knows(peer):
            # Before anything of it is read.
            return _response(self.receiver.refuse(Reason.UNKNOWN_PEER, peer), ends=True)
        async with self.turns.one(peer) as has_turn:
            if not has_turn:
                log.warning("skip.busy peer=%s", peer)
                return _response(UNAVAILABLE, ends=True)
            body = await _read(request)
            if body is None:
                return _response(self.receiver.refuse(Reason.SLOW, peer), ends=True)
            # In a thread: it waits for the catalog and for Redis.
            return _response(await run_sync(self.receiver.receive, body, peer), ends=len(body) > LARGEST_BODY)

    def status(self, request: Request) -> Response:
        """`GET /status/sync`: how synchronisation goes with the peer that asks."""
        peer = _peer(request)
        if peer is None or not self.receiver.knows(peer):
            return _response(REFUSED)
        try:
            return _response(Answer(200, write_object(dict(self.standing(peer)))))
        except UnavailableError:
            return _response(UNAVAILABLE)

    def health(self, request: Request) -> Response:
        """`GET /status/health`: whether messages can be taken now, and the counters of the pair with who asks."""
        peer = _peer(request)
        if peer is None or not self.receiver.knows(peer):
            return _response(REFUSED)
        try:
            self.verify()
            return _response(Answer(200, write_object({"status": "pass", **self.count(peer)})))
        except UnavailableError:
            return _response(Answer(503, write_object({"status": "fail"})))


def create_app(
    face: PeerFace,
    random: RandomBytes,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """Put the face together."""
    app = FastAPI(
        title="SKIP key provider, for peers",
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        telemetry=NO_TELEMETRY,
    )
    app.add_middleware(HiddenErrors, answer=lambda _: _response(UNAVAILABLE))
    app.add_middleware(TraceHeaders, random=random, logged=False)
    app.exception_handler(HTTPException)(_refuse)
    app.add_api_route("/sync", face.sync, methods=["POST"], response_model=None)
    app.add_api_route("/status/sync", face.status, methods=["GET"], response_model=None)
    app.add_api_route("/status/health", face.health, methods=["GET"], response_model=None)
    return app


async def _refuse(request: Request, error: HTTPException) -> Response:
    return _response(REFUSED)


async def _read(request: Request) -> bytes | None:
    """Return the body, or so much of it that it is seen to be too long; one that breaks off is empty.

    None where it did not come in time.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _beginning(request)
    except ClientDisconnect:
        return b""
    except TimeoutError:
        return None


async def _beginning(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            break
    return bytes(body)


def _peer(request: Request) -> str | None:
    names = peer_names(request.scope) or frozenset()
    return find_provider(name.removeprefix(_URI) for name in names if name.startswith(_URI))


def _response(answer: Answer, *, ends: bool = False) -> Response:
    """Answer; the connection ends where not all was read that the other side has to say."""
    headers = {"Cache-Control": "no-store"} | ({"Connection": "close"} if ends else {})
    return Response(answer.body, answer.status, headers, media_type="application/json")
