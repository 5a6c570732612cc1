"""Second factors: enrol, confirm, check, switch off, and new backup codes."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from strongroom.access.allowing import is_fresh
from strongroom.access.errors import StepUpRequiredError
from strongroom.access.operation import Gravity
from strongroom.access.principals import Principal, Role
from strongroom.accounts import qr, totp
from strongroom.accounts.alerting import tell_of_factor_off, tell_of_factor_replaced
from strongroom.accounts.backup_codes import digest, new_codes, normalised
from strongroom.accounts.codes import FEW_CODES, CodeCheck, Outcome, Verdict, accepted, spend_step
from strongroom.accounts.errors import MFAEnabledAlreadyError, MFANothingPendingError, MFAOffError, MFARequiredError
from strongroom.accounts.limits import give_back, take_attempt
from strongroom.accounts.password_check import PasswordCheck, login_refused
from strongroom.accounts.policy import MfaPolicy
from strongroom.accounts.sessions import Sessions, end_all, session_of
from strongroom.accounts.telling import Happened, tell
from strongroom.accounts.witnessing import write_down
from strongroom.audit.events import AuditAction
from strongroom.catalog.accounts import (
    Account,
    AccountBackupCode,
    AccountFactor,
    AttemptKind,
    FactorKind,
    find_factor,
    is_enrolled,
    lock_account,
)
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes
from strongroom.ids import id_at
from strongroom.purposekeys.keys import Purpose, PurposeKeys

PENDING_LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an app is given; shown once."""

    secret: str = field(repr=False)
    otpauth_uri: str = field(repr=False)
    qr_code: str = field(repr=False)
    """PNG, in base64."""
    qr_code_svg: str = field(repr=False)
    expires_in: int = int(PENDING_LASTS.total_seconds())


@dataclass(frozen=True, slots=True)
class MfaStatus:
    """How an account stands."""

    mfa_enabled: bool
    mfa_required: bool
    confirmed_at: datetime | None
    last_used_at: datetime | None
    backup_codes_remaining: int
    warning: str | None


@dataclass(frozen=True, slots=True)
class MfaParts:
    """What second factors work with."""

    catalog: Catalog
    passwords: PasswordCheck
    codes: CodeCheck
    sessions: Sessions
    keys: PurposeKeys
    policy: MfaPolicy
    clock: Clock
    random: RandomBytes


class Mfa:
    """What operators do with their own second factor."""

    def __init__(self, parts: MfaParts) -> None:
        self._parts = parts

    def enable(self, who: Principal, code: str | None = None) -> Enrolment:
        """Begin to enrol: a new secret, which counts for nothing until it is confirmed, within ten minutes.

        Who has a second factor shows a code of it, which is used up: whoever took a session must not put a factor of
        theirs in its place. Raises MFAOffError, MFAEnabledAlreadyError where no code is shown, StepUpRequiredError
        where the account has none and the login is no longer fresh, and as CodeCheck.verify.
        """
        parts, now = self._ready(), self._parts.clock.now()
        secret = totp.new_secret(parts.random)
        with parts.catalog.begin() as session:
            outcome = self._permit_enrolment(session, who, code, now)
            if outcome is None or outcome.verdict.accepted:
                mine = uuid.UUID(who.id)
                _drop_pending(session, mine)
                session.add(_pending(mine, id_at(now, parts.random), secret, now))
        if outcome is not None:
            accepted(outcome)
        uri = totp.provisioning_uri(secret, who.name, parts.policy.issuer)
        return Enrolment(secret, uri, qr.png_base64(uri), qr.svg(uri))

    def confirm(self, who: Principal, code: str) -> list[str]:
        """Have the pending secret count, by its first code, which cannot be used again; return ten backup codes.

        Ends the account's other sessions. Raises MFANothingPendingError, and as CodeCheck.verify.
        """
        parts, now = self._ready(), self._parts.clock.now()
        with parts.catalog.begin() as session:
            outcome = self._confirm(session, who, code, now)
            codes = self._renew_codes(session, uuid.UUID(who.id)) if outcome.verdict.accepted else []
            if outcome.verdict.accepted and who.session_id is not None:
                parts.sessions.renew_factor(session, uuid.UUID(who.session_id), now)
        accepted(outcome)
        return codes

    def disable(self, who: Principal, password: str, code: str) -> None:
        """Take the second factor away, its secret and its backup codes; ends the account's other sessions.

        Raises MFARequiredError for who must have one, LoginRefusedError for the password, and as CodeCheck.verify.
        """
        parts, now = self._ready(), self._parts.clock.now()
        if parts.policy.requires(who.role or Role.VIEWER):
            raise MFARequiredError(
                "Administrators must have a second factor here.",
                next_step="Replace it with /api/v1/auth/mfa/enable, or set MFA_REQUIRED_FOR_ADMIN=false.",
            )
        if parts.passwords.find(who.name, password, now) is None:
            raise login_refused()
        with parts.catalog.begin() as session:
            outcome = parts.codes.spend(session, uuid.UUID(who.id), code, now)
            if outcome.verdict.accepted:
                drop_factors(session, uuid.UUID(who.id))
                end_all(session, uuid.UUID(who.id), now, keep=session_of(who))
                tell_of_factor_off(session, who.name, now)
                tell(session, _account(session, who), Happened.FACTOR_OFF, now)
                write_down(session, AuditAction.MFA_DISABLED, who.id)
        accepted(outcome)

    def verify(self, who: Principal, code: str) -> Verdict:
        """Use up a code, and note that this session has shown it; raises as CodeCheck.verify."""
        parts, now = self._ready(), self._parts.clock.now()
        with parts.catalog.begin() as session:
            outcome = parts.codes.spend(session, uuid.UUID(who.id), code, now)
            if outcome.verdict.accepted and who.session_id is not None:
                parts.sessions.renew_factor(session, uuid.UUID(who.session_id), now)
        return accepted(outcome)

    def regenerate(self, who: Principal, code: str) -> list[str]:
        """Return ten new backup codes; the old ones are gone in the same moment. Raises as CodeCheck.verify."""
        parts, now = self._ready(), self._parts.clock.now()
        with parts.catalog.begin() as session:
            outcome = parts.codes.spend(session, uuid.UUID(who.id), code, now)
            codes = self._renew_codes(session, uuid.UUID(who.id)) if outcome.verdict.accepted else []
            if codes:
                tell(session, _account(session, who), Happened.CODES_RENEWED, now)
                write_down(session, AuditAction.MFA_BACKUP_CODES_REGENERATED, who.id)
        accepted(outcome)
        return codes

    def status(self, who: Principal) -> MfaStatus:
        """Say how the account stands."""
        parts, mine = self._parts, uuid.UUID(who.id)
        parts.codes.make_ready()
        with parts.catalog.read() as session:
            factor = find_factor(session, mine)
            query = select(func.count()).select_from(AccountBackupCode).where(AccountBackupCode.account_id == mine)
            left = session.scalar(query) or 0
        few = factor is not None and left <= FEW_CODES
        return MfaStatus(
            mfa_enabled=factor is not None,
            mfa_required=who.enrolling or parts.policy.requires(who.role or Role.VIEWER),
            confirmed_at=None if factor is None else factor.confirmed_at,
            last_used_at=None if factor is None else factor.last_used_at,
            backup_codes_remaining=left,
            warning=f"Only {left} backup codes are left; make new ones." if few else None,
        )

    def _ready(self) -> MfaParts:
        if not self._parts.policy.enabled:
            raise MFAOffError("Second factors are switched off here.", next_step="Set MFA_ENABLED=true.")
        self._parts.codes.make_ready()
        return self._parts

    def _permit_enrolment(self, session: Session, who: Principal, code: str | None, now: datetime) -> Outcome | None:
        """Return what became of the code of a factor that is to be replaced; None where there is none yet."""
        mine = uuid.UUID(who.id)
        if is_enrolled(session, mine):
            if code is None or who.enrolling:
                raise _enrolled_already()
            return self._parts.codes.spend(session, mine, code, now)
        _lock(session, who)
        if is_enrolled(session, mine):
            # Somebody else was first.
            raise _enrolled_already()
        if not who.enrolling and not is_fresh(who.factor_at, now):
            raise StepUpRequiredError(
                "A second factor is added within ten minutes of a login.",
                next_step="Log in again, then repeat the request.",
                gravity=Gravity.CHANGE,
            )
        return None

    def _confirm(self, session: Session, who: Principal, code: str, now: datetime) -> Outcome:
        account, mine = _lock(session, who), uuid.UUID(who.id)
        if not take_attempt(session, mine.hex, AttemptKind.CODE, now):
            return self._parts.codes.too_often(session, mine, now)
        pending = _find_pending(session, mine)
        if pending is None or now - pending.created_at >= PENDING_LASTS:
            raise MFANothingPendingError(
                "No second factor waits to be confirmed.", next_step="Begin with POST /api/v1/auth/mfa/enable."
            )
        digits = "".join(code[: 2 * totp.DIGITS].split())
        outcome = spend_step(session, pending, digits, now, self._parts.policy.window_steps)
        if outcome.verdict.accepted:
            give_back(session, mine.hex, AttemptKind.CODE)
            if is_enrolled(session, mine):
                tell_of_factor_replaced(session, who.name, now)
            _drop_factors_but(session, mine, pending.id)
            pending.confirmed_at, account.must_enroll, account.codes_failed = now, False, 0
            end_all(session, mine, now, keep=session_of(who))
            tell(session, account, Happened.ENROLLED, now)
            write_down(session, AuditAction.MFA_ENROLLED, who.id)
        else:
            write_down(session, AuditAction.MFA_CHALLENGE_FAILED, who.id, outcome.verdict.value)
        return outcome

    def _renew_codes(self, session: Session, account_id: uuid.UUID) -> list[str]:
        codes, key = new_codes(self._parts.random), self._parts.keys.get(Purpose.BACKUP_CODES)
        session.execute(delete(AccountBackupCode).where(AccountBackupCode.account_id == account_id))
        texts = [text for code in codes if (text := normalised(code))]
        session.add_all(
            AccountBackupCode(account_id=account_id, digest=digest(key, account_id, text)) for text in texts
        )
        return codes


def drop_factors(session: Session, account_id: uuid.UUID) -> None:
    """Delete every factor and backup code of an account."""
    session.execute(delete(AccountBackupCode).where(AccountBackupCode.account_id == account_id))
    session.execute(delete(AccountFactor).where(AccountFactor.account_id == account_id))


def _drop_factors_but(session: Session, account_id: uuid.UUID, kept: uuid.UUID) -> None:
    session.execute(delete(AccountFactor).where(AccountFactor.account_id == account_id, AccountFactor.id != kept))


def _drop_pending(session: Session, account_id: uuid.UUID) -> None:
    mine = (AccountFactor.account_id == account_id, AccountFactor.confirmed_at.is_(None))
    session.execute(delete(AccountFactor).where(*mine))


def _find_pending(session: Session, account_id: uuid.UUID) -> AccountFactor | None:
    query = select(AccountFactor).where(AccountFactor.account_id == account_id, AccountFactor.confirmed_at.is_(None))
    return session.scalars(query).one_or_none()


def _pending(account_id: uuid.UUID, factor_id: uuid.UUID, secret: str, now: datetime) -> AccountFactor:
    return AccountFactor(
        account_id=account_id,
        id=factor_id,
        kind=FactorKind.TOTP,
        secret=secret,
        counter=0,
        label="authenticator app",
        created_at=now,
    )


def _lock(session: Session, who: Principal) -> Account:
    account = lock_account(session, uuid.UUID(who.id))
    if account is None:
        raise login_refused()
    return account


def _account(session: Session, who: Principal) -> Account:
    return session.get_one(Account, uuid.UUID(who.id))


def _enrolled_already() -> MFAEnabledAlreadyError:
    return MFAEnabledAlreadyError(
        "The account has a second factor.",
        next_step="To replace it, send a code of it, or a backup code, as `code`.",
    )
