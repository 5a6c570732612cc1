"""The list of accounts: who there is, and what others may do about them."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from strongroom.access.principals import Role
from strongroom.accounts.addresses import verified_address
from strongroom.accounts.alerting import tell_of_reset
from strongroom.accounts.errors import AccountExistsError, AccountNameError, AccountNotFoundError, ReasonMissingError
from strongroom.accounts.mfa import drop_factors
from strongroom.accounts.passwords import Passwords
from strongroom.accounts.sessions import end_all
from strongroom.accounts.telling import Happened, tell
from strongroom.accounts.witnessing import write_down
from strongroom.audit.events import AuditAction, digest
from strongroom.catalog.accounts import Account, AccountAttempts, AccountFactor, find_account, list_accounts
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes
from strongroom.ids import id_at

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_SHORTEST_REASON = 5


@dataclass(frozen=True, slots=True)
class AccountView:
    """What may be shown of an account."""

    id: uuid.UUID
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None
    enrolled: bool
    must_enroll: bool
    codes_locked_at: datetime | None
    email: str | None


class Accounts:
    """Makes accounts and looks after them; every change ends the sessions it concerns."""

    def __init__(self, catalog: Catalog, passwords: Passwords, clock: Clock, random: RandomBytes) -> None:
        self._catalog, self._passwords, self._clock, self._random = catalog, passwords, clock, random

    def add(self, name: str, role: Role, password: str, email: str | None = None) -> AccountView:
        """Make an account; raises AccountNameError, AccountExistsError, EmailAddressError and PasswordTooWeakError."""
        name, now = _verified(name), self._clock.now()
        email = None if email is None else verified_address(email)
        account = Account(
            id=id_at(now, self._random),
            name=name,
            role=role.name.lower(),
            password_hash=self._passwords.hash(password),
            created_at=now,
            password_changed_at=now,
            must_enroll=False,
            codes_failed=0,
            email=email,
        )
        try:
            with self._catalog.begin() as session:
                session.add(account)
                session.flush()
                write_down(session, AuditAction.USER_CREATED, str(account.id), account.role, after=_state_of(account))
        except IntegrityError:
            raise AccountExistsError(
                f"There is an account {name!r}.", next_step="Choose another name, or `strongroom accounts list`."
            ) from None
        return self.get(name)

    def get(self, name: str) -> AccountView:
        """Return an account by its name; raises AccountNotFoundError."""
        found = {view.name: view for view in self.list()}
        if name.strip().lower() not in found:
            raise _not_found(name)
        return found[name.strip().lower()]

    def list(self) -> list[AccountView]:
        """Return all accounts by name."""
        with self._catalog.read() as session:
            query = select(AccountFactor.account_id).where(AccountFactor.confirmed_at.is_not(None))
            enrolled = set(session.scalars(query))
            return [_view(account, enrolled=account.id in enrolled) for account in list_accounts(session)]

    def disable(self, name: str) -> AccountView:
        """Let somebody in no more, at once; raises AccountNotFoundError."""
        with self._catalog.begin() as session:
            account = find_account(session, name)
            if account is None:
                raise _not_found(name)
            now, before = self._clock.now(), _state_of(account)
            account.disabled_at = account.disabled_at or now
            end_all(session, account.id, now)
            after = _state_of(account)
            write_down(session, AuditAction.USER_UPDATED, str(account.id), "disabled", before=before, after=after)
        return self.get(name)

    def enable(self, name: str) -> AccountView:
        """Let somebody in again, and forget their failed attempts; raises AccountNotFoundError."""
        with self._catalog.begin() as session:
            account = find_account(session, name)
            if account is None:
                raise _not_found(name)
            before, account.disabled_at = _state_of(account), None
            after = _state_of(account)
            write_down(session, AuditAction.USER_UPDATED, str(account.id), "enabled", before=before, after=after)
            session.execute(delete(AccountAttempts).where(AccountAttempts.subject == account.id.hex))
        return self.get(name)

    def set_role(self, name: str, role: Role) -> AccountView:
        """Let somebody do more or less from now on, and end their sessions; raises AccountNotFoundError."""
        with self._catalog.begin() as session:
            account = find_account(session, name)
            if account is None:
                raise _not_found(name)
            now, before, was = self._clock.now(), _state_of(account), account.role
            account.role = role.name.lower()
            end_all(session, account.id, now)
            change = f"from {was} to {account.role}"
            after = _state_of(account)
            write_down(session, AuditAction.AUTHZ_CHANGE, str(account.id), change, before=before, after=after)
        return self.get(name)

    def set_password(self, name: str, password: str) -> AccountView:
        """Give an account another password and end its sessions; the second factor stays as it is.

        Raises AccountNotFoundError and PasswordTooWeakError.
        """
        hashed, now = self._passwords.hash(password), self._clock.now()
        with self._catalog.begin() as session:
            account = find_account(session, name)
            if account is None:
                raise _not_found(name)
            account.password_hash, account.password_changed_at = hashed, now
            end_all(session, account.id, now)
            tell(session, account, Happened.PASSWORD_CHANGED, now)
            write_down(session, AuditAction.PASSWORD_CHANGE, str(account.id))
        return self.get(name)

    def set_email(self, name: str, email: str | None) -> AccountView:
        """Have an operator's mail go to another address, or to none; the old and the new one are told.

        Raises AccountNotFoundError and EmailAddressError.
        """
        email, now = None if email is None else verified_address(email), self._clock.now()
        with self._catalog.begin() as session:
            account = find_account(session, name)
            if account is None:
                raise _not_found(name)
            before, old = _state_of(account), account.email
            if old == email:
                return self.get(name)
            account.email = email
            for address in filter(None, (old, email)):
                tell(session, account, Happened.EMAIL_CHANGED, now, address=address)
            after = _state_of(account)
            write_down(session, AuditAction.USER_UPDATED, str(account.id), "email", before=before, after=after)
        return self.get(name)

    def reset_mfa(self, name: str, by: str, reason: str) -> AccountView:
        """Take the second factor of an account away; it has to enrol a new one before anything else.

        `by` is who does it: an alert says so. Raises AccountNotFoundError and ReasonMissingError.
        """
        if len(reason.strip()) < _SHORTEST_REASON:
            raise ReasonMissingError("Why the factor is reset is not said.", next_step="Give a reason in some words.")
        now = self._clock.now()
        with self._catalog.begin() as session:
            account = find_account(session, name)
            if account is None:
                raise _not_found(name)
            drop_factors(session, account.id)
            account.must_enroll, account.codes_failed, account.codes_locked_at = True, 0, None
            end_all(session, account.id, now)
            tell_of_reset(session, account.name, by, reason.strip()[:200], now)
            tell(session, account, Happened.FACTOR_RESET, now, f"By {by}: {reason.strip()[:200]}.")
            write_down(session, AuditAction.MFA_DISABLED, str(account.id), f"reset: {reason.strip()[:200]}")
        return self.get(name)

    def count(self) -> int:
        """Return how many accounts there are."""
        with self._catalog.read() as session:
            return session.scalar(select(func.count()).select_from(Account)) or 0


def _view(account: Account, *, enrolled: bool) -> AccountView:
    return AccountView(
        id=account.id,
        name=account.name,
        role=Role[account.role.upper()],
        created_at=account.created_at,
        disabled_at=account.disabled_at,
        enrolled=enrolled,
        must_enroll=account.must_enroll,
        codes_locked_at=account.codes_locked_at,
        email=account.email,
    )


def _state_of(account: Account) -> str:
    """Return a digest of what others decide about an account; 64 hexadecimal digits."""
    state = {"name": account.name, "role": account.role, "disabled": account.disabled_at is not None}
    return digest(state if account.email is None else state | {"email": account.email})


def _verified(name: str) -> str:
    name = name.strip().lower()
    if not _NAME.fullmatch(name):
        raise AccountNameError(
            "A name is made of letters, digits and . _ @ + -, at most 64 of them.", next_step="Choose such a name."
        )
    return name


def _not_found(name: str) -> AccountNotFoundError:
    return AccountNotFoundError(f"There is no account {name[:64]!r}.", next_step="See `strongroom accounts list`.")
