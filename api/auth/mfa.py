"""An operator's own second factor."""

from fastapi import APIRouter, Depends

from api.auth.callers import AtOperators, keep_nowhere
from api.auth.documents import (
    BackupCodesDocument,
    CodeBody,
    ConfirmedDocument,
    DisableBody,
    DisabledDocument,
    EnableBody,
    EnrolmentDocument,
    MfaStatusDocument,
    VerifiedDocument,
)
from api.gate import Caller

router = APIRouter(prefix="/api/v1/auth/mfa", tags=["second factor"], dependencies=[Depends(keep_nowhere)])


@router.post("/enable")
def enable(operators: AtOperators, caller: Caller, body: EnableBody | None = None) -> EnrolmentDocument:
    """Begin to enrol: a secret for an app, as text, address and QR code. To replace a factor takes a code of it."""
    code = None if body is None or body.code is None else body.code.get_secret_value()
    return EnrolmentDocument.model_validate(operators.mfa.enable(caller, code))


@router.post("/confirm")
def confirm(body: CodeBody, operators: AtOperators, caller: Caller) -> ConfirmedDocument:
    """Finish to enrol with the app's first code; the answer has ten backup codes, once."""
    return ConfirmedDocument(backup_codes=operators.mfa.confirm(caller, body.code.get_secret_value()))


@router.post("/disable")
def disable(body: DisableBody, operators: AtOperators, caller: Caller) -> DisabledDocument:
    """Take the second factor away; administrators cannot where it is required."""
    operators.mfa.disable(caller, body.password.get_secret_value(), body.code.get_secret_value())
    return DisabledDocument()


@router.post("/verify")
def verify(body: CodeBody, operators: AtOperators, caller: Caller) -> VerifiedDocument:
    """Show a code, so that this session may change things for ten minutes."""
    return VerifiedDocument(method=operators.mfa.verify(caller, body.code.get_secret_value()).value)


@router.get("/status")
def status(operators: AtOperators, caller: Caller) -> MfaStatusDocument:
    """Say whether there is a second factor, and how many backup codes are left."""
    return MfaStatusDocument.model_validate(operators.mfa.status(caller))


@router.post("/backup-codes/regenerate")
def regenerate(body: CodeBody, operators: AtOperators, caller: Caller) -> BackupCodesDocument:
    """Make ten new backup codes in place of the old ones; takes a code."""
    return BackupCodesDocument(backup_codes=operators.mfa.regenerate(caller, body.code.get_secret_value()))
