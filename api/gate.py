"""The one gate: it finds out who asks, and lets pass what the table of operations allows."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import iter_route_contexts
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.asking import find_sources
from api.catalog_patience import verify_catalog
from api.scraping import AREA, ScrapeToken
from strongroom.access.allowing import verify_allowed
from strongroom.access.errors import CredentialRefusal, CredentialRefusedError
from strongroom.access.operation import Operation
from strongroom.access.operations import OPERATIONS
from strongroom.access.principals import Principal
from strongroom.accounts.errors import TokenExpiredOrWrongError
from strongroom.audit.acting import become, find_actor
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock
from strongroom.servicetokens.checking import TokenCheck
from strongroom.servicetokens.form import PREFIX
from strongroom.tracing import note_user

bearer = HTTPBearer(auto_error=False, description="A service token, or the access token of a login.")
STEP_UP = "Step-Up"

Authenticate = Callable[[str], Principal]
"""Returns whom an access token of a login belongs to; raises TokenExpiredOrWrongError."""


class Gate:
    """Knows whom a request comes from, and which operation each route is."""

    def __init__(self, catalog: Catalog, clock: Clock, authenticate: Authenticate) -> None:
        self.catalog = catalog
        self.clock = clock
        self.authenticate = authenticate
        self.scrape_token: ScrapeToken | None = None
        self._tokens = TokenCheck(catalog, clock)
        self._operations: dict[tuple[int, str], Operation] = {}

    def learn(self, app: FastAPI) -> None:
        """Look up the operation of every route; raises KeyError for one that the table does not have."""
        for route in iter_route_contexts(app.routes):
            for method in route.methods or ():
                # A route that is included knows its own end of the path only.
                self._operations[id(route.original_route), method] = OPERATIONS[f"{method} {route.path}"]

    def operation_of(self, request: Request) -> Operation:
        """Return what a request asks for."""
        return self._operations[id(request.scope["route"]), request.method]

    def find_template(self, route: object, method: str) -> str | None:
        """Return the path of a route as it was declared, where it is known."""
        known = self._operations.get((id(route), method))
        return None if known is None else known.name.partition(" ")[2]

    def find_scraper(self, operation: Operation, shown: str) -> Principal | None:
        """Return who scrapes, where this reads metrics and the token of `[metrics]` is shown."""
        return self.scrape_token.find(shown) if self.scrape_token and operation.area == AREA else None

    def find_known(self, shown: str, address: str | None) -> Principal | None:
        """Return who shows this, if memory knows it; None means: ask `identify`, which may wait for the catalog."""
        return self._tokens.find_known(shown, address) if shown.startswith(PREFIX) else None

    def identify(self, shown: str, address: str | None) -> Principal:
        """Return who shows this; raises CredentialRefusedError."""
        if shown.startswith(PREFIX):
            return self._tokens.authenticate(shown, address)
        try:
            return self.authenticate(shown)
        except TokenExpiredOrWrongError as error:
            # Of what kind a wrong token is meant to be tells whoever tries them something.
            raise CredentialRefusedError(error.refusal, error.subject) from None


async def pass_gate(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> None:
    """Let the request pass if whoever sent it may do this.

    Raises CredentialRefusedError, PermissionDeniedError and StepUpRequiredError.
    """
    gate: Gate = request.app.state.gate
    operation = gate.operation_of(request)
    name_operation(operation, request)
    if operation.public is not None:
        return
    if credentials is None:
        raise CredentialRefusedError(CredentialRefusal.MISSING)
    address = None if request.client is None else request.client.host
    shown = credentials.credentials
    principal = gate.find_scraper(operation, shown) or gate.find_known(shown, address)
    if principal is None:
        # To a thread and back costs as much as all the rest of the gate, so memory is asked before.
        await verify_catalog(request)
        principal = await run_in_threadpool(gate.identify, shown, address)
    name_operation(operation, request, principal)
    sources = await find_sources(request, operation, principal, gate.catalog)
    verify_allowed(principal, operation, gate.clock.now(), sources=sources, stepped_up=STEP_UP in request.headers)
    request.state.principal = principal
    note_user(principal.id, principal.name)


def name_operation(operation: Operation, request: Request, principal: Principal | None = None) -> None:
    """Say in the audit log what is asked for, and by whom as soon as that is known."""
    asking = find_actor()
    if asking is not None:
        target = " ".join(str(value) for value in request.path_params.values())
        asking = replace(asking, operation=operation.name, target=target)
        if principal is not None:
            asking = replace(asking, kind=principal.kind, id=principal.id, name=principal.name)
        become(asking)


async def announce(request: Request) -> None:
    """Say in the audit log what is asked for, on routes that everybody may call."""
    gate: Gate = request.app.state.gate
    name_operation(gate.operation_of(request), request)


async def get_principal(request: Request) -> Principal:
    """Return who sent the request, as the gate found out."""
    principal: Principal = request.state.principal
    return principal


Caller = Annotated[Principal, Depends(get_principal)]
