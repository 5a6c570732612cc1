"""`python -m api peer`: the face for peers as a process; any number of them may serve one catalog."""

from datetime import timedelta

import uvicorn
from sqlalchemy import text

from api.peer.app import PeerFace, create_app
from api.peer.listening import listener
from api.peer.nonces import RedisNonces
from api.peer.redis_client import open_redis
from api.peer.standing import counters_of, standing_of
from api.signs_of_life import beating
from api.tls.probe import verify_tls
from api.tls.serving import identity_of, make_server
from strongroom.keysync.opening import make_sender, open_receiver
from strongroom.keysync.provider import open_provider
from strongroom.runtime import Runtime


def make_peer_server(runtime: Runtime) -> uvicorn.Server:
    """Put the face together; raises SkipNotConfiguredError, PeerFaceMissingError, TlsFilesError, NoncesMissingError.

    Raises NoncesAwayError where Redis does not answer at the start, and TlsUnsupportedError.
    """
    skip = runtime.settings.require_skip()
    verify_tls()
    port = listener(skip)
    nonces = RedisNonces(open_redis(skip, runtime.settings.broker), skip.system_id, _seconds(skip.window_seconds))
    nonces.begin(runtime.clock.now())
    provider = open_provider(runtime.services(), make_sender(skip, runtime.clock, runtime.random))
    # A database that is new or was restored voids its keys first: what is agreed before that would be lost with them.
    provider.store.boot()
    receiver = open_receiver(skip, provider.store, nonces, clock=runtime.clock, random=runtime.random)

    def verify() -> None:
        nonces.verify()
        with runtime.catalog.read() as session:
            session.execute(text("SELECT 1"))

    identity = identity_of("peer-face", runtime.clock.now())
    counters = counters_of(runtime.catalog, runtime.clock)
    face = PeerFace(receiver, standing_of(skip, runtime.catalog), verify, counters)
    app = create_app(face, runtime.random, beating(runtime.catalog, identity))
    return make_server(app, [port])


def _seconds(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)
