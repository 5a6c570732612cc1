"""Sessions: an access token for a quarter of an hour, and a refresh token that is good once."""

import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from strongroom.access.allowing import FACTOR_LASTS, FACTORS_LAST, is_fresh
from strongroom.access.errors import CredentialRefusal
from strongroom.access.principals import Principal, PrincipalKind, Role
from strongroom.accounts.alerting import tell_of_stolen_session
from strongroom.accounts.errors import TokenExpiredOrWrongError
from strongroom.accounts.networks import is_new, network_of
from strongroom.accounts.telling import Happened, tell
from strongroom.accounts.tokens import Claims, TokenKind, Tokens, refused, seconds_until
from strongroom.accounts.witnessing import write_down
from strongroom.audit.acting import become, find_actor
from strongroom.audit.events import AuditAction
from strongroom.catalog.accounts import Account, LoginChallenge, LoginSession, is_enrolled
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes
from strongroom.ids import id_at
from strongroom.tracing import note_user

ACCESS_LASTS = timedelta(minutes=15)
SESSION_LASTS = timedelta(hours=12)
IDLE_LASTS = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a login gives in the end."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    """Seconds that the access token is good for."""


class Sessions:
    """Begins, refreshes, ends and recognises sessions."""

    def __init__(self, catalog: Catalog, tokens: Tokens, clock: Clock, random: RandomBytes) -> None:
        self._catalog, self._tokens, self._clock, self._random = catalog, tokens, clock, random

    def begin(self, session: Session, account_id: uuid.UUID, now: datetime, address: str) -> LoginSession:
        """Write a new session in the caller's transaction; every factor the account has was shown just now."""
        account, network = session.get_one(Account, account_id), network_of(address)
        if is_new(session, account_id, network):
            tell(session, account, Happened.NEW_NETWORK, now, f"It is {network}.")
        row = LoginSession(
            id=id_at(now, self._random),
            account_id=account_id,
            generation=0,
            factor_at=now,
            factor_since=now,
            created_at=now,
            refreshed_at=now,
            expires_at=now + SESSION_LASTS,
            network=network,
        )
        session.add(row)
        note_user(str(account_id), account.name)
        _let_in(account)
        write_down(session, AuditAction.LOGIN_SUCCESS, str(account_id))
        return row

    def pair(self, row: LoginSession) -> TokenPair:
        """Return the tokens of a session as it is now."""
        now = self._clock.now()
        until = min(now + ACCESS_LASTS, row.expires_at)
        access = self._tokens.make(TokenKind.ACCESS, Claims(row.account_id, row.id), until)
        idle = min(now + IDLE_LASTS, row.expires_at)
        refresh = self._tokens.make(TokenKind.REFRESH, Claims(row.account_id, row.id, row.generation), idle)
        return TokenPair(access, refresh, seconds_until(until, now))

    def refresh(self, token: str) -> TokenPair:
        """Return new tokens for a refresh token, once; raises TokenExpiredOrWrongError.

        One that comes a second time ends the session: it has two owners.
        """
        claims, now = self._tokens.read(TokenKind.REFRESH, token), self._clock.now()
        with self._catalog.begin() as session:
            row = _next_generation(session, claims, now)
            stolen = row is None and self._ends_theft(session, claims, now)
        if row is None:
            raise refused(CredentialRefusal.REUSED if stolen else CredentialRefusal.ENDED, claims.account_id)
        return self.pair(row)

    def authenticate(self, token: str) -> Principal:
        """Return whose access token it is, or whose token for enrolling; raises TokenExpiredOrWrongError."""
        try:
            return self._logged_in(self._tokens.read(TokenKind.ACCESS, token))
        except TokenExpiredOrWrongError as error:
            if error.refusal is not CredentialRefusal.OTHER_KIND:
                raise
            return self._enrolling(self._tokens.read(TokenKind.ENROLL, token))

    def logout(self, who: Principal) -> None:
        """End a session at once, its access token too."""
        with self._catalog.begin() as session:
            end_sessions(session, self._clock.now(), LoginSession.id == session_of(who))
            write_down(session, AuditAction.TOKEN_REVOKED, who.id)

    def end_others(self, who: Principal) -> int:
        """End every session of an operator but this one; return how many."""
        with self._catalog.begin() as session:
            ended = end_all(session, uuid.UUID(who.id), self._clock.now(), keep=session_of(who))
            write_down(session, AuditAction.TOKEN_REVOKED, who.id, f"{ended} other sessions")
            return ended

    def renew_factor(self, session: Session, session_id: uuid.UUID, now: datetime) -> None:
        """Note that a code was shown in a session: changes are allowed for longer, or anew if they no longer were."""
        row = session.get_one(LoginSession, session_id, with_for_update=True)
        if not is_fresh(factor_counts_from(row), now):
            row.factor_since = now
        row.factor_at = now

    def _logged_in(self, claims: Claims) -> Principal:
        now = self._clock.now()
        query = select(LoginSession, Account).join(Account, Account.id == LoginSession.account_id)
        mine = (LoginSession.id == claims.ticket, LoginSession.account_id == claims.account_id)
        live = (LoginSession.ended_at.is_(None), LoginSession.expires_at > now, Account.disabled_at.is_(None))
        with self._catalog.read() as session:
            found = session.execute(query.where(*mine, *live)).one_or_none()
        if found is None:
            raise refused(CredentialRefusal.ENDED, claims.account_id)
        return _principal(
            found.Account, factor_at=factor_counts_from(found.LoginSession), session_id=str(claims.ticket)
        )

    def _enrolling(self, claims: Claims) -> Principal:
        mine = (LoginChallenge.id == claims.ticket, LoginChallenge.account_id == claims.account_id)
        query = select(Account).join(LoginChallenge, LoginChallenge.account_id == Account.id)
        with self._catalog.read() as session:
            account = session.scalars(query.where(*mine, Account.disabled_at.is_(None))).one_or_none()
            enrolled = is_enrolled(session, claims.account_id)
        if account is None or enrolled:
            raise refused(CredentialRefusal.ENDED, claims.account_id)
        return _principal(account, enrolling=True)

    @staticmethod
    def _ends_theft(session: Session, claims: Claims, now: datetime) -> bool:
        """End a session whose refresh token came a second time, and say whether there was one."""
        mine = (LoginSession.id == claims.ticket, LoginSession.generation > claims.generation)
        if not end_sessions(session, now, *mine):
            return False
        account = session.get_one(Account, claims.account_id)
        tell_of_stolen_session(session, account.name, now)
        tell(session, account, Happened.SESSION_STOLEN, now)
        write_down(session, AuditAction.TOKEN_REUSE, str(account.id), "refresh token")
        return True


def factor_counts_from(row: LoginSession) -> datetime:
    """Return the moment that a factor counts as shown at: codes upon codes do not stretch that past half an hour."""
    latest = (row.factor_since or row.factor_at) + FACTORS_LAST - FACTOR_LASTS
    return min(row.factor_at, latest)


def session_of(who: Principal) -> uuid.UUID | None:
    """Return which session an operator acts in; none while they enrol."""
    return None if who.session_id is None else uuid.UUID(who.session_id)


def end_all(session: Session, account_id: uuid.UUID, now: datetime, *, keep: uuid.UUID | None = None) -> int:
    """End every session of an account in the caller's transaction, but for one to keep; return how many.

    Logins on their way end too: what they have shown so far may be what was just changed.
    """
    session.execute(delete(LoginChallenge).where(LoginChallenge.account_id == account_id))
    others = [LoginSession.account_id == account_id]
    return end_sessions(session, now, *others, *([LoginSession.id != keep] if keep else []))


def end_sessions(session: Session, now: datetime, *which: ColumnElement[bool]) -> int:
    """End the sessions a condition names that have not ended; return how many."""
    ending = update(LoginSession).where(LoginSession.ended_at.is_(None), *which).values(ended_at=now)
    ended = session.execute(ending.returning(LoginSession.id).execution_options(synchronize_session=False))
    return len(ended.all())


def _next_generation(session: Session, claims: Claims, now: datetime) -> LoginSession | None:
    mine = (LoginSession.id == claims.ticket, LoginSession.generation == claims.generation)
    live = (
        LoginSession.ended_at.is_(None),
        LoginSession.expires_at > now,
        LoginSession.refreshed_at > now - IDLE_LASTS,
    )
    enabled = select(Account.id).where(Account.id == LoginSession.account_id, Account.disabled_at.is_(None)).exists()
    taken = update(LoginSession).where(*mine, *live, enabled)
    taken = taken.values(generation=claims.generation + 1, refreshed_at=now).returning(LoginSession)
    return session.scalars(taken.execution_options(synchronize_session=False)).one_or_none()


def _principal(
    account: Account, *, factor_at: datetime | None = None, session_id: str | None = None, enrolling: bool = False
) -> Principal:
    return Principal(
        id=str(account.id),
        name=account.name,
        kind=PrincipalKind.OPERATOR,
        role=Role[account.role.upper()],
        factor_at=factor_at,
        session_id=session_id,
        enrolling=enrolling,
    )


def _let_in(account: Account) -> None:
    """Have the rows of the login say whose it is; whoever asked was a stranger until now."""
    if (actor := find_actor()) is not None:
        become(replace(actor, kind=PrincipalKind.OPERATOR, id=str(account.id), name=account.name))
