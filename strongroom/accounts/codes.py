"""One check of a code for everybody who asks for one: login, step-up, changes of the factor itself."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from strongroom.accounts import totp
from strongroom.accounts.alerting import LOCK_AT, tell_of_codes, tell_of_few_codes
from strongroom.accounts.backup_codes import digest, normalised
from strongroom.accounts.errors import (
    MFACodeReusedError,
    MFACodesLockedError,
    MFAInvalidCodeError,
    MFANotEnrolledError,
    TooManyAttemptsError,
)
from strongroom.accounts.limits import give_back, seconds_to_wait, take_attempt
from strongroom.accounts.policy import MfaPolicy
from strongroom.accounts.ring import FactorRing
from strongroom.accounts.telling import tell_of_used_code, tell_of_wrong_codes
from strongroom.accounts.witnessing import Refuse, refuse_in_log, write_down
from strongroom.audit.events import AuditAction
from strongroom.catalog.accounts import (
    Account,
    AccountBackupCode,
    AccountFactor,
    AttemptKind,
    find_factor,
    lock_account,
)
from strongroom.catalog.session import Catalog
from strongroom.catalog.tallies import Counted, add_to_tally
from strongroom.errors import StrongroomError
from strongroom.purposekeys.keys import Purpose, PurposeKeys

FEW_CODES = 3
_LONGEST_TYPED = 64


class Verdict(StrEnum):
    """What became of a code."""

    TOTP = "totp"
    BACKUP_CODE = "backup_code"
    REUSED = "reused"
    CLOCK_OFF = "clock_off"
    WRONG = "wrong"
    TOO_MANY = "too_many"
    LOCKED = "locked"
    NOT_ENROLLED = "not_enrolled"

    @property
    def accepted(self) -> bool:
        """Whether the code was right, and is used up."""
        return self in {Verdict.TOTP, Verdict.BACKUP_CODE}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a code, by how much the device's clock is ahead, and how long to wait after too many."""

    verdict: Verdict
    seconds_off: int = 0
    wait: int = 0


class CodeCheck:
    """Takes a code once: the step of an app's code, or a backup code, and counts what is wrong."""

    def __init__(
        self, catalog: Catalog, keys: PurposeKeys, ring: FactorRing, policy: MfaPolicy, refuse: Refuse | None = None
    ) -> None:
        self._catalog, self._keys, self._ring, self._policy = catalog, keys, ring, policy
        self._refuse = refuse

    def make_ready(self) -> None:
        """Open the keys; before the transaction in which `spend` is called."""
        self._ring.make_ready()
        self._keys.get(Purpose.BACKUP_CODES)

    def verify(self, account_id: uuid.UUID, code: str, now: datetime) -> Verdict:
        """Use up a code of an account in a transaction of its own, and return which kind it was.

        Raises MFAInvalidCodeError, MFACodeReusedError, TooManyAttemptsError, MFACodesLockedError, MFANotEnrolledError.
        """
        self.make_ready()
        with self._catalog.begin() as session:
            outcome = self.spend(session, account_id, code, now)
        return accepted(outcome)

    def spend(self, session: Session, account_id: uuid.UUID, code: str, now: datetime) -> Outcome:
        """Do the same in the caller's transaction, which has to commit whatever the outcome is."""
        outcome = self._spend(session, account_id, code, now)
        passed = outcome.verdict.accepted
        factor = Verdict.TOTP if _is_of_app(code) else Verdict.BACKUP_CODE
        add_to_tally(session, Counted.AUTH_ATTEMPTS, "success" if passed else "failure", factor.value)
        action = AuditAction.MFA_CHALLENGE_PASSED if passed else AuditAction.MFA_CHALLENGE_FAILED
        if outcome.verdict in {Verdict.TOO_MANY, Verdict.LOCKED}:
            refuse_in_log(session, self._refuse, action, str(account_id), outcome.verdict.value)
        else:
            write_down(session, action, str(account_id), outcome.verdict.value)
        return outcome

    def too_often(self, session: Session, account_id: uuid.UUID, now: datetime) -> Outcome:
        """Return what becomes of a code that is not looked at, and write down that there were too many."""
        refuse_in_log(session, self._refuse, AuditAction.RATE_LIMIT_EXCEEDED, str(account_id), "codes")
        return Outcome(Verdict.TOO_MANY, wait=seconds_to_wait(session, account_id.hex, AttemptKind.CODE, now))

    def _spend(self, session: Session, account_id: uuid.UUID, code: str, now: datetime) -> Outcome:
        # The account first, as whoever changes it does, or both would wait for each other.
        account, subject = lock_account(session, account_id), account_id.hex
        if not take_attempt(session, subject, AttemptKind.CODE, now):
            return self.too_often(session, account_id, now)
        if account is None or account.disabled_at is not None:
            return Outcome(Verdict.WRONG)
        if account.codes_locked_at is not None:
            return Outcome(Verdict.LOCKED)
        outcome = self._look(session, account, code, now)
        if outcome.verdict.accepted or outcome.verdict in {Verdict.REUSED, Verdict.NOT_ENROLLED}:
            give_back(session, subject, AttemptKind.CODE)
        if outcome.verdict.accepted:
            account.codes_failed = 0
        elif outcome.verdict in {Verdict.WRONG, Verdict.CLOCK_OFF}:
            _count(session, account, now)
        return outcome

    def _look(self, session: Session, account: Account, code: str, now: datetime) -> Outcome:
        factor = find_factor(session, account.id)
        if factor is None:
            return Outcome(Verdict.NOT_ENROLLED)
        if _is_of_app(code):
            outcome = spend_step(session, factor, _typed(code), now, self._policy.window_steps)
            if outcome.seconds_off > 0:
                _burn(session, factor, totp.step_of(now) + outcome.seconds_off // totp.STEP_SECONDS)
            return outcome
        return self._spend_backup_code(session, account, code, now)

    def _spend_backup_code(self, session: Session, account: Account, code: str, now: datetime) -> Outcome:
        text = normalised(code)
        if text is None:
            return Outcome(Verdict.WRONG)
        mine = AccountBackupCode.account_id == account.id
        shown = digest(self._keys.get(Purpose.BACKUP_CODES), account.id, text)
        gone = delete(AccountBackupCode).where(mine, AccountBackupCode.digest == shown)
        if session.scalar(gone.returning(AccountBackupCode.account_id)) is None:
            return Outcome(Verdict.WRONG)
        left = session.scalar(select(func.count()).select_from(AccountBackupCode).where(mine)) or 0
        if left <= FEW_CODES:
            tell_of_few_codes(session, account.name, left, now)
        tell_of_used_code(session, account, left, FEW_CODES, now)
        return Outcome(Verdict.BACKUP_CODE)


def _typed(code: str) -> str:
    return "".join(code[: _LONGEST_TYPED + 1].split())


def _is_of_app(code: str) -> bool:
    digits = _typed(code)
    return len(digits) == totp.DIGITS and digits.isascii() and digits.isdigit()


def spend_step(session: Session, factor: AccountFactor, digits: str, now: datetime, window: int) -> Outcome:
    """Accept the code of a time step, if no later or same one was accepted before: one statement decides."""
    found = totp.look_up(factor.secret or "", digits, now, window, factor.counter)
    if found.match is totp.Match.USED:
        return Outcome(Verdict.REUSED)
    if found.match is not totp.Match.RIGHT:
        late = found.match is totp.Match.EARLY_OR_LATE
        return Outcome(Verdict.CLOCK_OFF, found.seconds_off) if late else Outcome(Verdict.WRONG)
    mine = (AccountFactor.account_id == factor.account_id, AccountFactor.id == factor.id)
    taken = update(AccountFactor).where(*mine, AccountFactor.counter < found.step)
    taken = taken.values(counter=found.step, last_used_at=now).returning(AccountFactor.id)
    won = session.scalar(taken.execution_options(synchronize_session=False)) is not None
    return Outcome(Verdict.TOTP if won else Verdict.REUSED)


def _burn(session: Session, factor: AccountFactor, step: int) -> None:
    """Take no code of a step to come: whoever guessed it was told so, and would only have to wait."""
    mine = (AccountFactor.account_id == factor.account_id, AccountFactor.id == factor.id)
    burnt = update(AccountFactor).where(*mine, AccountFactor.counter < step).values(counter=step)
    session.execute(burnt.execution_options(synchronize_session=False))


def accepted(outcome: Outcome) -> Verdict:
    """Return the verdict of a code that was right; raises the error of one that was not."""
    if outcome.verdict.accepted:
        return outcome.verdict
    raise _error(outcome)


def _error(outcome: Outcome) -> StrongroomError:
    match outcome.verdict:
        case Verdict.REUSED:
            return MFACodeReusedError("This code was used before.", next_step="Wait for the next code of the app.")
        case Verdict.TOO_MANY:
            return too_many(outcome.wait)
        case Verdict.LOCKED:
            return MFACodesLockedError(
                "Too many codes in a row were wrong; no code of this account is taken any more.",
                next_step="Ask another administrator for `strongroom accounts mfa-reset`.",
            )
        case Verdict.NOT_ENROLLED:
            return MFANotEnrolledError(
                "This account has no second factor.", next_step="Enrol one with POST /api/v1/auth/mfa/enable."
            )
        case Verdict.CLOCK_OFF:
            way = "ahead" if outcome.seconds_off > 0 else "behind"
            return MFAInvalidCodeError(
                f"The code is not valid: the device's clock is about {abs(outcome.seconds_off)} s {way}.",
                next_step="Set the clock of the device to the right time, and try the next code.",
            )
        case _:
            return MFAInvalidCodeError("The code is not valid.", next_step="Try the next code, or a backup code.")


def too_many(wait: int) -> TooManyAttemptsError:
    """Make the error for who guessed too often; `wait` is in seconds, the words are the same for every window."""
    error = TooManyAttemptsError(
        "Too many attempts failed.", next_step="Wait: five may fail in 5 minutes, 20 in an hour, 50 in a day."
    )
    error.retry_after = wait
    return error


def _count(session: Session, account: Account, now: datetime) -> None:
    account.codes_failed += 1
    if account.codes_failed >= LOCK_AT:
        account.codes_locked_at = now
        write_down(session, AuditAction.LOGIN_LOCK, str(account.id), "codes")
    tell_of_codes(session, account.name, account.codes_failed, now)
    tell_of_wrong_codes(session, account, now)
