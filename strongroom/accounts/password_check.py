"""One check of a password for everybody who asks for one; every attempt is counted before it is looked at."""

from datetime import datetime

from strongroom.accounts.errors import LoginRefusedError
from strongroom.accounts.limits import give_back, nobody, take_attempt
from strongroom.accounts.passwords import Passwords
from strongroom.accounts.telling import tell_of_guessing
from strongroom.accounts.witnessing import Refuse, refuse_in_log, write_down
from strongroom.audit.events import AuditAction
from strongroom.catalog.accounts import Account, AttemptKind, find_account
from strongroom.catalog.session import Catalog
from strongroom.catalog.tallies import Counted, add_to_tally

LONGEST_NAME = 64


class PasswordCheck:
    """Does the same work for names that are nobody's, for accounts that are disabled, and for who tried too often."""

    def __init__(self, catalog: Catalog, passwords: Passwords, refuse: Refuse | None = None) -> None:
        self._catalog, self._passwords, self._refuse = catalog, passwords, refuse

    def find(self, name: str, password: str, now: datetime) -> Account | None:
        """Return the account whose password it is, or None: nobody's, wrong, disabled, or too many attempts.

        Raises PasswordsBusyError before anything is counted.
        """
        with self._passwords.room():
            return self._find(name, password, now)

    def _find(self, name: str, password: str, now: datetime) -> Account | None:
        with self._catalog.begin() as session:
            account = find_account(session, name) if _can_be_a_name(name) else None
            subject = nobody(name) if account is None else account.id.hex
            may = take_attempt(session, subject, AttemptKind.PASSWORD, now)
        known = account if account is not None and may and account.disabled_at is None else None
        right = self._passwords.matches(None if known is None else known.password_hash, password)
        if known is None or not right:
            self._write_down(account, now, counted=may)
            return None
        with self._catalog.begin() as session:
            give_back(session, subject, AttemptKind.PASSWORD)
            row = session.get_one(Account, known.id)
            self._renew(row, known, password)
            add_to_tally(session, Counted.AUTH_ATTEMPTS, "success", AttemptKind.PASSWORD)
        return row

    def _write_down(self, account: Account | None, now: datetime, *, counted: bool) -> None:
        """Write down why it was refused, in one way for all reasons, so that the time tells none of them."""
        subject = "nobody" if account is None else str(account.id)
        with self._catalog.begin() as session:
            add_to_tally(session, Counted.AUTH_ATTEMPTS, "failure", AttemptKind.PASSWORD)
            if not counted:
                refuse_in_log(session, self._refuse, AuditAction.LOGIN_FAIL_MAX, subject)
                tell_of_guessing(session, account, now)
                return
            why = "unknown" if account is None else "disabled" if account.disabled_at is not None else "wrong"
            write_down(session, AuditAction.LOGIN_FAIL, subject, why)

    def _renew(self, row: Account, seen: Account, password: str) -> None:
        """Make a hash of another cost anew, unless the password was changed meanwhile."""
        if row.password_hash == seen.password_hash and self._passwords.is_outdated(seen.password_hash):
            row.password_hash = self._passwords.hash(password)


def _can_be_a_name(name: str) -> bool:
    # A database does not even look for text with a NUL or half a character in it.
    return len(name) <= LONGEST_NAME and name.isprintable()


def login_refused() -> LoginRefusedError:
    """Make the one error for everything that can be wrong with a login."""
    return LoginRefusedError(
        "The login is not right, or the account takes none just now.",
        next_step="Check name, password and code. After five failures wait five minutes; an administrator can help.",
    )
