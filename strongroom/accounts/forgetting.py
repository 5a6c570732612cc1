"""What need not be remembered of logins any more."""

from datetime import datetime, timedelta

from sqlalchemy import and_, delete

from strongroom.accounts.limits import WINDOWS
from strongroom.accounts.mfa import PENDING_LASTS
from strongroom.catalog.accounts import AccountAttempts, AccountFactor, LoginChallenge, LoginSession
from strongroom.catalog.session import Catalog

SESSIONS_KEPT = timedelta(days=30)


def forget_old(catalog: Catalog, now: datetime) -> None:
    """Delete logins that nobody finished, windows that are over, secrets that nobody confirmed, and old sessions."""
    over = and_(*(began <= now - length for began, _, length, _ in WINDOWS))
    unconfirmed = and_(AccountFactor.confirmed_at.is_(None), AccountFactor.created_at <= now - PENDING_LASTS)
    with catalog.begin() as session:
        session.execute(delete(LoginChallenge).where(LoginChallenge.expires_at <= now))
        session.execute(delete(AccountAttempts).where(over))
        session.execute(delete(AccountFactor).where(unconfirmed))
        session.execute(delete(LoginSession).where(LoginSession.expires_at <= now - SESSIONS_KEPT))
