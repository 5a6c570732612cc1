"""What people hear of when somebody seems to be after an account."""

from datetime import datetime

from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert

CODES_FAILING = "accounts.codes_failing"
SESSION_STOLEN = "accounts.session_stolen"
FACTOR_RESET = "accounts.factor_reset"
FACTOR_OFF = "accounts.factor_off"
FACTOR_REPLACED = "accounts.factor_replaced"
CODES_LOW = "accounts.codes_low"
SESSIONS_REUSED = "sessions.reused"

TELL_AT, WORRY_AT, LOCK_AT = 3, 10, 100
"""Wrong codes in a row at which people are told, at which it is urgent, and after which no code is taken."""


SESSIONS_REUSED_AT = 3
"""Used one-time sessions that one address shows within an hour."""


def tell_of_codes(session: Session, name: str, failed: int, now: datetime) -> None:
    """Open an alert about wrong codes of an account; who sends codes has shown the password before."""
    if failed < TELL_AT:
        return
    severity = Severity.MEDIUM if failed < WORRY_AT else Severity.HIGH if failed < LOCK_AT else Severity.CRITICAL
    locked = "; no code is taken any more" if failed >= LOCK_AT else ""
    _tell(
        session,
        f"{CODES_FAILING}.{name}",
        severity,
        f"Wrong codes of a second factor: {name}, {failed} in a row after a right password{locked}",
        f"Ask {name} whether it was them. If not, the password is known: `strongroom accounts password {name}`.",
        now,
    )


def tell_of_stolen_session(session: Session, name: str, now: datetime) -> None:
    """Open an alert about a refresh token that came a second time."""
    _tell(
        session,
        f"{SESSION_STOLEN}.{name}",
        Severity.HIGH,
        f"A refresh token was used twice: {name}; the session was ended",
        f"Ask {name} where they were logged in: two programs may have shared a session, or somebody took it.",
        now,
    )


def tell_of_reset(session: Session, name: str, by: str, reason: str, now: datetime) -> None:
    """Open an alert about a second factor that somebody else took away."""
    _tell(
        session,
        f"{FACTOR_RESET}.{name}",
        Severity.CRITICAL,
        f"A second factor was reset: {name}, by {by}: {reason}",
        f"Ask {name} and {by} in person whether that is right; if not, `strongroom accounts disable {name}`.",
        now,
    )


def tell_of_factor_off(session: Session, name: str, now: datetime) -> None:
    """Open an alert about an account that has no second factor any more."""
    _tell(
        session,
        f"{FACTOR_OFF}.{name}",
        Severity.MEDIUM,
        f"A second factor was switched off: {name}, by themselves",
        f"Ask {name} whether it was them.",
        now,
    )


def tell_of_factor_replaced(session: Session, name: str, now: datetime) -> None:
    """Open an alert about an account that has another second factor than before."""
    _tell(
        session,
        f"{FACTOR_REPLACED}.{name}",
        Severity.MEDIUM,
        f"A second factor was replaced: {name}, by themselves",
        f"Ask {name} whether it was them; if not, `strongroom accounts disable {name}`.",
        now,
    )


def tell_of_few_codes(session: Session, name: str, left: int, now: datetime) -> None:
    """Open an alert about an account whose backup codes are nearly used up."""
    _tell(
        session,
        f"{CODES_LOW}.{name}",
        Severity.LOW,
        f"Few backup codes are left: {name}, {left}",
        f"{name} makes new ones with POST /api/v1/auth/mfa/backup-codes/regenerate.",
        now,
    )


def tell_of_reused_sessions(session: Session, address: str, now: datetime) -> None:
    """Open an alert about an address that keeps showing one-time sessions which were used before."""
    _tell(
        session,
        SESSIONS_REUSED,
        Severity.HIGH,
        f"Used one-time sessions were shown again, {SESSIONS_REUSED_AT} times within an hour, from {address}",
        "Find out whether a portal or proxy sends requests twice; if not, somebody reads addresses of pages.",
        now,
    )


def _tell(session: Session, cause: str, severity: Severity, message: str, next_step: str, now: datetime) -> None:
    report = AlertReport(
        type=AlertType.FAILURE, severity=severity, cause=cause, message=message, next_step=next_step, at=now
    )
    open_alert(session, report)
