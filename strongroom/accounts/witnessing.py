"""What happened around logins, written down: with the reasons that whoever was refused is not told."""

import logging
from enum import StrEnum

from sqlalchemy.orm import Session

log = logging.getLogger(__name__)


class AccountEvent(StrEnum):
    """What may happen: names of the requirement in capitals, others of OWASP's logging vocabulary."""

    MFA_ENROLLED = "MFA_ENROLLED"
    MFA_CHALLENGE_PASSED = "MFA_CHALLENGE_PASSED"
    MFA_CHALLENGE_FAILED = "MFA_CHALLENGE_FAILED"
    MFA_DISABLED = "MFA_DISABLED"
    MFA_BACKUP_CODES_REGENERATED = "MFA_BACKUP_CODES_REGENERATED"
    LOGIN_SUCCESS = "authn_login_success"
    LOGIN_FAIL = "authn_login_fail"
    LOGIN_FAIL_MAX = "authn_login_fail_max"
    LOGIN_LOCK = "authn_login_lock"
    RATE_LIMIT = "excess_rate_limit_exceeded"
    TOKEN_REVOKED = "authn_token_revoked"  # noqa: S105 -- the name of an event, not a token
    TOKEN_REUSE = "authn_token_reuse"  # noqa: S105 -- the name of an event, not a token
    PASSWORD_CHANGE = "authn_password_change"  # noqa: S105 -- the name of an event, not a password
    USER_CREATED = "user_created"
    USER_UPDATED = "user_updated"


_REFUSALS = {
    AccountEvent.MFA_CHALLENGE_FAILED,
    AccountEvent.LOGIN_FAIL,
    AccountEvent.LOGIN_FAIL_MAX,
    AccountEvent.RATE_LIMIT,
    AccountEvent.LOGIN_LOCK,
    AccountEvent.TOKEN_REUSE,
}


def write_down(session: Session, event: AccountEvent, subject: str, reason: str = "") -> None:
    """Write one thing to the log, not to the catalog; called inside the transaction of what happened.

    `subject` is an account's id, or says that it is nobody's.
    No name that was typed is written: people type passwords where names belong.
    """
    level = logging.WARNING if event in _REFUSALS else logging.INFO
    log.log(level, "%s user_id=%s%s", event.value, subject, f" reason={reason}" if reason else "")
