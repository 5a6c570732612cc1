"""`python -m api encryptor`: the face for encryptors, as a process; any number of them share one catalog."""

import uvicorn

from api.encryptor.app import create_app
from api.encryptor.listening import listeners
from api.encryptor.wanting import Wanting
from api.signs_of_life import beating
from api.tls.probe import verify_tls
from api.tls.serving import identity_of, make_server
from strongroom.keysync.opening import make_sender
from strongroom.keysync.provider import open_provider
from strongroom.runtime import Runtime
from strongroom.settings import process_environment
from worker.app import app as celery_app


def make_encryptor_server(runtime: Runtime) -> uvicorn.Server:
    """Put the face together; raises StrongroomError where something is missing."""
    skip = runtime.settings.require_skip()
    verify_tls()
    sender = make_sender(skip, runtime.clock, runtime.random)
    provider = open_provider(runtime.services(), sender, want_more=Wanting(celery_app))
    # A database that is new or was restored gives nothing before its keys are void.
    provider.store.boot()
    identity = identity_of("encryptor-face", runtime.clock.now())
    app = create_app(
        skip,
        provider.delivery,
        clock=runtime.clock,
        random=runtime.random,
        lifespan=beating(runtime.catalog, identity),
    )
    return make_server(app, listeners(skip, process_environment()))
