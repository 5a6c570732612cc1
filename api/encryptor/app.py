"""The four questions of draft-cisco-skip-02, and nothing else."""

import logging
from collections.abc import Callable
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response

from api.encryptor.answers import answer, answer_errors, answer_key
from api.encryptor.callers import Callers, may_ask
from api.encryptor.errors import EncryptorRefusedError
from api.encryptor.questions import read_entropy_bits, read_key_id, read_key_question, read_remote
from api.tls.serving import peer_names
from api.tracing import NO_TELEMETRY, TraceHeaders
from strongroom.clock import Clock, RandomBytes
from strongroom.settings import EncryptorSettings, SkipSettings

log = logging.getLogger(__name__)


class GivenKey(Protocol):
    """A key and the id by which the other side asks for it."""

    @property
    def key_id(self) -> str:
        """Return the id, in hex."""

    @property
    def key(self) -> bytearray:
        """Return the key; whoever has answered with it wipes it."""


class Provider(Protocol):
    """What gives keys; each call has committed before it returns."""

    def take(self, remote_system_id: str, size_bits: int) -> GivenKey:
        """Return a fresh key that the remote provider can already serve."""

    def fetch(self, key_id: str, remote_system_id: str) -> bytearray:
        """Return the key of this id that the remote provider made; once."""

    def entropy(self, bits: int) -> bytes:
        """Return random bytes that are used for nothing else."""


class EncryptorFace:
    """The routes, with what they work with."""

    def __init__(self, skip: SkipSettings, provider: Provider, callers: Callers) -> None:
        self._skip = skip
        self._provider = provider
        self._callers = callers

    # Plain functions: each runs in a thread of its own while it waits for the catalog.
    def capabilities(self, request: Request) -> Response:
        """`GET /capabilities`."""
        encryptor = self._callers.admit(peer_names(request.scope))
        remotes = [peer.known_as for peer in self._callers.peers_of(encryptor)]
        if not remotes:
            raise _refused(encryptor, "any peer")
        return answer(
            {
                "entropy": True,
                "key": True,
                "algorithm": self._skip.algorithm,
                "localSystemID": self._skip.system_id,
                "remoteSystemID": remotes,
            }
        )

    def new_key(self, request: Request) -> Response:
        """`GET /key`: a fresh key, committed as given before it is answered."""
        encryptor = self._callers.admit(peer_names(request.scope))
        asked = read_key_question(request.query_params)
        verify_may_ask(encryptor, asked.remote)
        given = self._provider.take(asked.remote, asked.bits)
        log.info("skip.key.taken key_id=%s remote=%s encryptor=%s", given.key_id, asked.remote, encryptor.name)
        return answer_key(given.key_id, given.key)

    def same_key(self, request: Request) -> Response:
        """`GET /key/{keyId}`: the key that the other provider gave under this id, once."""
        encryptor = self._callers.admit(peer_names(request.scope))
        key_id = read_key_id(request.path_params["key_id"])
        remote = read_remote(request.query_params)
        verify_may_ask(encryptor, remote)
        key = self._provider.fetch(key_id, remote)
        log.info("skip.key.fetched key_id=%s remote=%s encryptor=%s", key_id, remote, encryptor.name)
        return answer_key(key_id, key)

    def entropy(self, request: Request) -> Response:
        """`GET /entropy`: random bytes, used for nothing else."""
        self._callers.admit(peer_names(request.scope))
        bits = read_entropy_bits(request.query_params)
        return answer({"randomStr": self._provider.entropy(bits).hex(), "minentropy": bits})


def create_app(
    skip: SkipSettings, provider: Provider, *, clock: Clock, random: RandomBytes, lifespan: Any = None
) -> FastAPI:
    """Put the face together. HEAD and OPTIONS answer 405: neither may run what gives a key away."""
    app = FastAPI(
        title="SKIP key provider", openapi_url=None, redirect_slashes=False, lifespan=lifespan, telemetry=NO_TELEMETRY
    )
    answer_errors(app)
    app.add_middleware(TraceHeaders, random=random, logged=False)
    face = EncryptorFace(skip, provider, Callers(skip, clock.monotonic))
    routes: dict[str, Callable[[Request], Any]] = {
        "/capabilities": face.capabilities,
        "/key": face.new_key,
        "/key/{key_id}": face.same_key,
        "/entropy": face.entropy,
    }
    for path, route in routes.items():
        app.add_api_route(path, route, methods=["GET"], response_model=None)
    return app


def verify_may_ask(encryptor: EncryptorSettings, remote: str) -> None:
    """Raise EncryptorRefusedError where an encryptor may not ask for keys shared with a peer."""
    if not may_ask(encryptor, remote):
        raise _refused(encryptor, remote)


def _refused(encryptor: EncryptorSettings, remote: str) -> EncryptorRefusedError:
    return EncryptorRefusedError(
        f"The encryptor {encryptor.name} may not ask for keys shared with {remote}.",
        next_step="Add the peer to its `remotes`.",
    )
