"""Logging in: a password, then a code where the account has a second factor."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from strongroom.access.errors import CredentialRefusal
from strongroom.access.principals import Role
from strongroom.accounts.codes import CodeCheck, Outcome, accepted
from strongroom.accounts.errors import PasswordsBusyError, TooManyAttemptsError
from strongroom.accounts.limits import AddressLimiter
from strongroom.accounts.password_check import PasswordCheck, login_refused
from strongroom.accounts.policy import MfaPolicy
from strongroom.accounts.sessions import Sessions, TokenPair
from strongroom.accounts.tokens import Claims, TokenKind, Tokens, refused
from strongroom.accounts.witnessing import Refuse, refuse_alone, write_down
from strongroom.audit.events import AuditAction
from strongroom.catalog.accounts import Account, LoginChallenge, LoginSession, is_enrolled, lock_account
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes
from strongroom.ids import id_at

CHALLENGE_LASTS = timedelta(minutes=5)
CHALLENGE_TRIES = 5
ENROLL_LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    """What a right password gives: tokens, or a token with which to show a code, or one with which to enrol."""

    expires_in: int
    pair: TokenPair | None = None
    mfa_token: str | None = field(default=None, repr=False)
    enroll_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LoginParts:
    """What logging in works with."""

    catalog: Catalog
    passwords: PasswordCheck
    codes: CodeCheck
    sessions: Sessions
    tokens: Tokens
    limiter: AddressLimiter
    policy: MfaPolicy
    clock: Clock
    random: RandomBytes
    refuse: Refuse | None = None


class Login:
    """The two steps of a login. Addresses are counted too; a limiter that is away lets nobody in."""

    def __init__(self, parts: LoginParts) -> None:
        self._parts = parts

    def begin(self, name: str, password: str, address: str) -> LoginAnswer:
        """Return what a password gives.

        Raises LoginRefusedError for whatever is wrong, TooManyAttemptsError for the address, AddressLimiterAwayError,
        PasswordsBusyError.
        """
        parts = self._parts
        self._count(address)
        try:
            account = parts.passwords.find(name, password, parts.clock.now())
        except PasswordsBusyError:
            parts.limiter.give_back(address)
            raise
        if account is None:
            raise login_refused()
        parts.limiter.give_back(address)
        return self._answer(account, address)

    def complete_mfa_login(self, mfa_token: str, code: str, address: str) -> TokenPair:
        """Return the tokens of a login whose code is right; the token that came with it is used up then.

        Raises TokenExpiredOrWrongError, TooManyAttemptsError, AddressLimiterAwayError, and as CodeCheck.verify.
        """
        parts = self._parts
        self._count(address)
        claims = parts.tokens.read(TokenKind.MFA, mfa_token)
        parts.codes.make_ready()
        with parts.catalog.begin() as session:
            outcome, row = self._spend(session, claims, code, address)
        if outcome is not None:
            accepted(outcome)
        if row is None:
            raise refused(CredentialRefusal.REUSED, claims.account_id)
        parts.limiter.give_back(address)
        return parts.sessions.pair(row)

    def _count(self, address: str) -> None:
        try:
            self._parts.limiter.take(address)
        except TooManyAttemptsError:
            parts = self._parts
            refuse_alone(parts.catalog, parts.refuse, AuditAction.RATE_LIMIT_EXCEEDED, "unknown", "address")
            raise

    def _spend(
        self, session: Session, claims: Claims, code: str, address: str
    ) -> tuple[Outcome | None, LoginSession | None]:
        """Look at a code and, where it is right, begin the session; None for a challenge that is no more."""
        # Before the challenge, as whoever changes the account and ends its challenges does.
        lock_account(session, claims.account_id)
        now = self._parts.clock.now()
        if not _take_try(session, claims, now):
            write_down(session, AuditAction.MFA_CHALLENGE_FAILED, str(claims.account_id), "challenge")
            return None, None
        outcome = self._parts.codes.spend(session, claims.account_id, code, now)
        if not outcome.verdict.accepted:
            return outcome, None
        session.execute(delete(LoginChallenge).where(LoginChallenge.id == claims.ticket))
        return outcome, self._parts.sessions.begin(session, claims.account_id, now, address)

    def _answer(self, seen: Account, address: str) -> LoginAnswer:
        """Decide under a lock on the account, so that nothing about it changes before the session is written."""
        parts, now = self._parts, self._parts.clock.now()
        ticket = id_at(now, parts.random)
        with parts.catalog.begin() as session:
            account = lock_account(session, seen.id)
            if account is None or account.disabled_at is not None or account.password_hash != seen.password_hash:
                raise login_refused()
            step = self._next_step(session, account)
            if step is not _Step.ENTER:
                session.add(LoginChallenge(id=ticket, account_id=seen.id, tries=0, expires_at=now + _LASTS[step]))
            row = parts.sessions.begin(session, seen.id, now, address) if step is _Step.ENTER else None
        if row is not None:
            pair = parts.sessions.pair(row)
            return LoginAnswer(pair.expires_in, pair)
        return self._send_on(step, Claims(seen.id, ticket), now)

    def _next_step(self, session: Session, account: Account) -> "_Step":
        policy = self._parts.policy
        if not policy.enabled:
            return _Step.ENTER
        if is_enrolled(session, account.id):
            return _Step.SHOW_CODE
        must = account.must_enroll or policy.requires(Role[account.role.upper()])
        return _Step.ENROLL if must else _Step.ENTER

    def _send_on(self, step: "_Step", claims: Claims, now: datetime) -> LoginAnswer:
        tokens, lasts = self._parts.tokens, _LASTS[step]
        seconds = int(lasts.total_seconds())
        if step is _Step.SHOW_CODE:
            return LoginAnswer(seconds, mfa_token=tokens.make(TokenKind.MFA, claims, now + lasts))
        return LoginAnswer(seconds, enroll_token=tokens.make(TokenKind.ENROLL, claims, now + lasts))


class _Step(Enum):
    """What comes after a right password."""

    ENTER = "enter"
    SHOW_CODE = "show code"
    ENROLL = "enroll"


_LASTS = {_Step.SHOW_CODE: CHALLENGE_LASTS, _Step.ENROLL: ENROLL_LASTS}
"""How long a login waits for what comes after its password; its row goes when the account changes."""


def _take_try(session: Session, claims: Claims, now: datetime) -> bool:
    """Count a try of a login that waits for its code; its row stays locked, so that one try is looked at at a time."""
    taken = update(LoginChallenge).where(
        LoginChallenge.id == claims.ticket,
        LoginChallenge.account_id == claims.account_id,
        LoginChallenge.tries < CHALLENGE_TRIES,
        LoginChallenge.expires_at > now,
    )
    taken = taken.values(tries=LoginChallenge.tries + 1).returning(LoginChallenge.id)
    return session.scalar(taken.execution_options(synchronize_session=False)) is not None
