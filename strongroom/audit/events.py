"""What is written down: one act, what became of it, and why; every value printable and of bounded length."""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

from strongroom.catalog.audit import LONGEST_NAME, LONGEST_REASON, LONGEST_TARGET


class Outcome(StrEnum):
    """What became of an act."""

    BEGUN = "begun"
    """It is about to be done, and no transaction can say so with it; a row of what became of it follows."""
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class AuditAction(StrEnum):
    """Names that are no operation's: the requirement's in capitals, others of OWASP's logging vocabulary."""

    MFA_ENROLLED = "MFA_ENROLLED"
    MFA_CHALLENGE_PASSED = "MFA_CHALLENGE_PASSED"
    MFA_CHALLENGE_FAILED = "MFA_CHALLENGE_FAILED"
    MFA_DISABLED = "MFA_DISABLED"
    MFA_BACKUP_CODES_REGENERATED = "MFA_BACKUP_CODES_REGENERATED"
    LOGIN_SUCCESS = "authn_login_success"
    LOGIN_FAIL = "authn_login_fail"
    LOGIN_FAIL_MAX = "authn_login_fail_max"
    LOGIN_LOCK = "authn_login_lock"
    PASSWORD_CHANGE = "authn_password_change"  # noqa: S105 -- the name of an event, not a password
    TOKEN_CREATED = "authn_token_created"  # noqa: S105 -- the name of an event, not a token
    TOKEN_REVOKED = "authn_token_revoked"  # noqa: S105 -- the name of an event, not a token
    TOKEN_REUSE = "authn_token_reuse"  # noqa: S105 -- the name of an event, not a token
    AUTHZ_FAIL = "authz_fail"
    AUTHZ_CHANGE = "authz_change"
    USER_CREATED = "user_created"
    USER_UPDATED = "user_updated"
    SENSITIVE_UPDATE = "sensitive_update"
    SENSITIVE_DELETE = "sensitive_delete"
    RATE_LIMIT_EXCEEDED = "excess_rate_limit_exceeded"
    SESSION_USE_AFTER_EXPIRE = "session_use_after_expire"
    SENSITIVE_READ = "sensitive_read"
    MONITOR_DISABLED = "sys_monitor_disabled"
    BREAK_ACCEPTED = "audit_break_accepted"


LOG_ITSELF = "audit log"
"""The target of whoever reads it."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that happened. `action` is an AuditAction or the name of an operation.

    What cannot be printed is written as U+FFFD, and what is too long ends in U+2026. No text holds a secret, or what
    somebody typed where a secret may have been meant.
    """

    action: str
    target: str = ""
    outcome: Outcome = Outcome.DONE
    reason: str = ""
    before: str = ""
    """The digest of what was there before, as `digest` makes it."""
    after: str = ""

    def __post_init__(self) -> None:
        for name, longest in (("action", LONGEST_NAME), ("target", LONGEST_TARGET), ("reason", LONGEST_REASON)):
            object.__setattr__(self, name, printable(getattr(self, name), longest))
        for value in (self.before, self.after):
            if value and not (len(value) == 64 and value.isascii() and value.isalnum()):
                raise ValueError("a digest is 64 hexadecimal digits")


def digest(value: object) -> str:
    """Return SHA-256, in hex, of a value as sorted JSON: it shows whether a value is the one that was meant.

    Not for secrets: whoever guesses the value can tell.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def printable(text: str, longest: int) -> str:
    """Return text that every database keeps as it is, at most so many characters of it."""
    shown = text[: longest + 1]
    if not shown.isprintable():
        shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in shown)
    return shown if len(shown) <= longest else shown[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"
