"""What operators hear by mail about their own account: what happened, when, from where, and what if it was not them."""

import uuid
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy.orm import Session

from strongroom.accounts.alerting import LOCK_AT, TELL_AT, WORRY_AT
from strongroom.alerts.personal import PersonalReport, tell_person, was_told
from strongroom.audit.acting import find_actor
from strongroom.catalog.accounts import Account
from strongroom.tracing import get_request_id, get_trace_id

RENEW = (
    "new password (`strongroom accounts password {name}`), new second factor (`strongroom accounts mfa-reset {name}`)"
)
"""What an administrator does for an account that somebody else got into."""
GUESSING_AGAIN_AFTER = timedelta(days=1)
"""Anybody can type wrong passwords; whose account it is hears of it once in this time."""


class Happened(Enum):
    """What an operator is told of: a stable name, one line, and what to do if it was not them."""

    ENROLLED = ("enrolled", "a second factor was set up", f"Have an administrator renew it: {RENEW}.")
    FACTOR_OFF = ("factor_off", "the second factor was switched off", f"Have an administrator renew it: {RENEW}.")
    FACTOR_RESET = (
        "factor_reset",
        "the second factor was reset",
        "Talk to another administrator at once: `strongroom accounts disable {name}` lets nobody in.",
    )
    CODES_RENEWED = (
        "codes_renewed",
        "new backup codes were made",
        f"Have an administrator renew it: {RENEW}.",
    )
    CODE_USED = ("code_used", "a backup code was used", f"Somebody has your codes and your password: {RENEW}.")
    CODES_WRONG = (
        "codes_wrong",
        "wrong codes after the right password",
        "Somebody knows your password: have an administrator give you another (`strongroom accounts password {name}`).",
    )
    CODES_LOCKED = (
        "codes_locked",
        "no code is taken any more",
        f"Somebody knows your password. In any case an administrator has to help: {RENEW}.",
    )
    PASSWORDS_WRONG = (
        "passwords_wrong",
        "too many wrong passwords",
        "Nobody got in. While somebody guesses, a login with the right password may be refused too: wait five minutes.",
    )
    PASSWORD_CHANGED = (
        "password_changed",
        "the password was changed by an administrator",
        "Ask your administrators who did it: `strongroom accounts disable {name}` lets nobody in until it is clear.",
    )
    EMAIL_CHANGED = (
        "email_changed",
        "the mail address was changed",
        "Ask your administrators who did it: `strongroom accounts disable {name}` lets nobody in until it is clear.",
    )
    SESSION_STOLEN = (
        "session_stolen",
        "a session was ended, as its refresh token came twice",
        f"Two programs may share a session of yours. If not, somebody took it: {RENEW}.",
    )
    NEW_NETWORK = (
        "new_network",
        "a login from a network that was not seen before",
        f"Somebody has your password and your code: {RENEW}. `POST /api/v1/auth/logout-others` ends other sessions.",
    )

    @property
    def about(self) -> str:
        """Return the stable name."""
        return self.value[0]

    @property
    def line(self) -> str:
        """Return what happened, in one line."""
        return self.value[1]

    @property
    def if_not_you(self) -> str:
        """Return what to do if it was somebody else."""
        return self.value[2]


def tell(
    session: Session, account: Account, what: Happened, now: datetime, detail: str = "", *, address: str | None = None
) -> None:
    """Write to an operator, in the transaction of what happened; `address` is another than the account has."""
    report = PersonalReport(
        account_id=account.id,
        recipient=address or account.email,
        about=what.about,
        title=f"Strongroom account {account.name}: {what.line}",
        body=_body(account.name, what, now, detail),
        at=now,
    )
    tell_person(session, report)


def tell_of_wrong_codes(session: Session, account: Account, now: datetime) -> None:
    """Write after the third wrong code in a row, after the tenth, and when no code is taken any more."""
    failed = account.codes_failed
    if failed == LOCK_AT:
        tell(session, account, Happened.CODES_LOCKED, now, f"{failed} codes in a row were wrong.")
    elif failed in (TELL_AT, WORRY_AT):
        tell(session, account, Happened.CODES_WRONG, now, f"{failed} codes in a row were wrong.")


def tell_of_used_code(session: Session, account: Account, left: int, few: int, now: datetime) -> None:
    """Write how many backup codes are left, and how to get new ones where they are few."""
    more = " Make new ones soon: `POST /api/v1/auth/mfa/backup-codes/regenerate`." if left <= few else ""
    tell(session, account, Happened.CODE_USED, now, f"{left} are left.{more}")


def tell_of_guessing(session: Session, account: Account | None, now: datetime) -> None:
    """Write once a day that somebody tries passwords; of a name that is nobody's, look as well and write nothing."""
    whose = uuid.UUID(int=0) if account is None else account.id
    told = was_told(session, whose, Happened.PASSWORDS_WRONG.about, now - GUESSING_AGAIN_AFTER)
    if account is not None and not told:
        tell(session, account, Happened.PASSWORDS_WRONG, now)


def _body(name: str, what: Happened, now: datetime, detail: str) -> str:
    lines = [
        f"What: {what.line}." + (f" {detail}" if detail else ""),
        f"Account: {name}",
        f"When: {now:%Y-%m-%d %H:%M:%S} UTC",
        *_whence(),
        "",
        "If you know of this, there is nothing to do.",
        f"If not: {what.if_not_you.format(name=name)}",
    ]
    return "\n".join(lines)


def _whence() -> list[str]:
    """Return from where it was done and under which ids logs and the audit log have it, as far as that is known."""
    actor, request, trace = find_actor(), get_request_id(), get_trace_id()
    address = "" if actor is None else actor.address
    by = "" if actor is None or address else f"{actor.name}, on the command line"
    asked = request or (actor.request_id if actor is not None else "")
    found = {"From": address or by, "Request": asked, "Trace": trace or ""}
    return [f"{label}: {value}" for label, value in found.items() if value]
