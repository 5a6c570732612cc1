"""The decision: may this principal do this operation, now."""

from collections.abc import Collection
from datetime import datetime, timedelta

from strongroom.access.errors import (
    CredentialRefusal,
    CredentialRefusedError,
    PermissionDeniedError,
    StepUpRequiredError,
)
from strongroom.access.operation import Gravity, Operation
from strongroom.access.principals import Principal, PrincipalKind

FACTOR_LASTS = timedelta(minutes=10)
"""How long a verified factor counts for changes; use does not stretch it."""
FACTORS_LAST = timedelta(minutes=30)
"""How long several that follow each other count; after that one has to be shown that begins anew."""


def verify_allowed(
    principal: Principal,
    operation: Operation,
    now: datetime,
    *,
    sources: Collection[str] = (),
    stepped_up: bool = False,
) -> None:
    """Return if the operation is allowed; `sources` are those it is about, none for the whole installation.

    `stepped_up` says that the request names a challenge, which is verified where the change is made. Raises
    PermissionDeniedError, StepUpRequiredError, and CredentialRefusedError for strangers.
    """
    if operation.public is not None:
        return
    match principal.kind:
        case PrincipalKind.SERVICE:
            _verify_grant(principal, operation, sources)
        case PrincipalKind.OPERATOR:
            _verify_role(principal, operation)
            _verify_factor(principal, operation, now, stepped_up=stepped_up)
        case PrincipalKind.LOCAL | PrincipalKind.SYSTEM:
            # Whoever holds the settings and the keys holds everything; what destroys asks for its factors itself.
            return
        case _:
            raise CredentialRefusedError(CredentialRefusal.MISSING)


def _verify_grant(principal: Principal, operation: Operation, sources: Collection[str]) -> None:
    wanted: list[str | None] = [*sources] or [None]
    held = [grant for grant in principal.scopes if grant.scope is operation.scope]
    if operation.gravity is Gravity.DESTROY or not all(
        any(grant.covers(operation.area, source) for grant in held) for source in wanted
    ):
        scope = operation.scope
        raise PermissionDeniedError(
            "The service token is not made for this.",
            next_step="An operator has to do it."
            if scope is None or operation.gravity is Gravity.DESTROY
            else f"Use a token with the grant {scope}:{operation.area}, for all sources it concerns.",
        )


def _verify_role(principal: Principal, operation: Operation) -> None:
    if principal.enrolling and not operation.enrolling:
        raise PermissionDeniedError(
            "This account has to enrol a second factor first.", next_step="Call /api/v1/auth/mfa/enable, then confirm."
        )
    if not principal.enrolling and (principal.role is None or principal.role < operation.role):
        raise PermissionDeniedError(
            "This account's role does not allow this.",
            next_step=f"Ask somebody with the role {operation.role.name.lower()}.",
        )


def _verify_factor(principal: Principal, operation: Operation, now: datetime, *, stepped_up: bool) -> None:
    if operation.gravity is Gravity.CHANGE and not is_fresh(principal.factor_at, now):
        raise StepUpRequiredError(
            "This changes something and needs a factor that was verified within the last 10 minutes.",
            next_step="Send a code to /api/v1/auth/mfa/verify, or log in again, and repeat the request.",
            gravity=operation.gravity,
        )
    if operation.gravity is Gravity.DESTROY and not stepped_up:
        raise StepUpRequiredError(
            "This destroys something and needs a fresh code for this very operation.",
            next_step="Make and confirm a challenge at /v1/step-up/challenges, and repeat the request with its id in "
            "the header Step-Up.",
            gravity=operation.gravity,
        )


def is_fresh(factor_at: datetime | None, now: datetime) -> bool:
    """Say whether a factor that was shown then allows changes now."""
    # A moment ahead of the clock is no proof of anything.
    return factor_at is not None and timedelta(0) <= now - factor_at <= FACTOR_LASTS
