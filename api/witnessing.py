"""Who acts in a request, and what the audit log is told of requests that are refused or fail."""

import logging
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ServerFailedError
from api.sessions.errors import SessionInvalidError, SessionRefusal, SessionsFullError
from api.tracing import SCOPE_KEY, Story
from strongroom.access.errors import (
    CredentialRefusal,
    CredentialRefusedError,
    PermissionDeniedError,
    StepUpRequiredError,
)
from strongroom.access.operation import Gravity
from strongroom.access.operations import OPERATIONS
from strongroom.access.principals import PrincipalKind
from strongroom.accounts.errors import LoginRefusedError, MFAError, TokenExpiredOrWrongError, TooManyAttemptsError
from strongroom.audit.acting import Actor, Binding, acting, get_binding
from strongroom.audit.events import AuditAction, AuditEvent, Outcome
from strongroom.audit.recording import act_of, record_alone
from strongroom.audit.refusals import RefusalLog
from strongroom.errors import NotAllowedError, StrongroomError
from strongroom.stepup.errors import StepUpRefusedError

log = logging.getLogger(__name__)

BINDING_KEY = "strongroom.binding"
MFA_VERIFY = "POST /api/v1/auth/login/mfa-verify"
_OF_SESSIONS = {
    SessionRefusal.USED: AuditAction.TOKEN_REUSE,
    SessionRefusal.EXPIRED: AuditAction.SESSION_USE_AFTER_EXPIRE,
    SessionRefusal.FORGOTTEN: AuditAction.SESSION_USE_AFTER_EXPIRE,
}
"""What is written down of one-time sessions that were good once; any other is a login that failed."""
_OF_CREDENTIALS = {
    CredentialRefusal.EXPIRED: AuditAction.TOKEN_REUSE,
    CredentialRefusal.REVOKED: AuditAction.TOKEN_REUSE,
    CredentialRefusal.ENDED: AuditAction.SESSION_USE_AFTER_EXPIRE,
}
"""What is written down of tokens that were right once; any other is a login that failed."""


class Acts:
    """ASGI middleware that binds who acts: a stranger, until the gate knows better.

    What was done without changing the catalog is written down when its answer begins; what changes it is by then.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with acting(_stranger(scope)):
            binding = scope[BINDING_KEY] = get_binding()

            async def send_when_recorded(message: Message) -> None:
                if message["type"] == "http.response.start" and message["status"] < 400 and binding.owes_a_row:
                    await run_in_threadpool(_record_done, scope["app"].state.desk.services.catalog, binding)
                await send(message)

            await self._app(scope, receive, send_when_recorded)


def _stranger(scope: Scope) -> Actor:
    story: Story = scope[SCOPE_KEY]
    client = scope.get("client")
    address = "" if client is None else client[0]
    return Actor(PrincipalKind.STRANGER, "", "", address, request_id=story.request_id, trace_id=story.trace_id)


def _record_done(catalog: Any, binding: Binding) -> None:
    try:
        record_alone(catalog, act_of(binding))
        binding.recorded = True
    except StrongroomError:
        log.exception("%s was done and is not in the audit log", binding.actor.operation)


def witness(request: Request, error: StrongroomError | None) -> None:
    """Have it written down that a request was refused or failed; without an error it failed as nobody foresaw."""
    binding: Binding | None = request.scope.get(BINDING_KEY)
    if binding is not None and (event := _event_of(error, binding)) is not None:
        refusals: RefusalLog = request.app.state.refusals
        refusals.add(event, binding.actor)


def _event_of(error: StrongroomError | None, binding: Binding) -> AuditEvent | None:
    match error:
        case CredentialRefusedError() | TokenExpiredOrWrongError():
            return _of_credential(error, binding.actor.operation)
        case SessionInvalidError():
            action = _OF_SESSIONS.get(error.refusal, AuditAction.LOGIN_FAIL)
            return AuditEvent(action, error.shown, Outcome.REFUSED, f"one-time session {error.refusal}")
        case PermissionDeniedError() | StepUpRequiredError():
            return AuditEvent(AuditAction.AUTHZ_FAIL, binding.target, Outcome.REFUSED, error.code)
        case SessionsFullError():
            return AuditEvent(AuditAction.RATE_LIMIT_EXCEEDED, binding.target, Outcome.REFUSED, error.code)
        case LoginRefusedError() | MFAError() | TooManyAttemptsError() | StepUpRefusedError():
            # These are written down where the reason is known.
            return None
    return _of_act(error, binding)


def _of_credential(error: CredentialRefusedError | TokenExpiredOrWrongError, operation: str) -> AuditEvent | None:
    if error.refusal is CredentialRefusal.REUSED:
        return None
    usual = AuditAction.MFA_CHALLENGE_FAILED if operation == MFA_VERIFY else AuditAction.LOGIN_FAIL
    action = usual if operation == MFA_VERIFY else _OF_CREDENTIALS.get(error.refusal, usual)
    return AuditEvent(action, error.subject, Outcome.REFUSED, f"token {error.refusal}")


def _of_act(error: StrongroomError | None, binding: Binding) -> AuditEvent | None:
    """Return the event of an act that somebody may do and that came to nothing; of what only reads there is none."""
    operation = OPERATIONS.get(binding.actor.operation)
    if operation is None or operation.gravity is Gravity.READ:
        return None
    outcome = Outcome.REFUSED if isinstance(error, NotAllowedError) else Outcome.FAILED
    return act_of(binding, outcome, ServerFailedError.code if error is None else error.code)
