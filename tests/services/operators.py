"""Operators on a catalog of their own, with a clock that tests set and passwords that cost little."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from strongroom.access.principals import Principal, Role
from strongroom.accounts import totp
from strongroom.accounts.codes import too_many
from strongroom.accounts.errors import AddressLimiterAwayError
from strongroom.accounts.mfa import Enrolment
from strongroom.accounts.opening import Operators, open_operators
from strongroom.accounts.passwords import Cost
from strongroom.catalog.accounts import Account
from strongroom.catalog.alerts import Alert, Severity
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock
from strongroom.keyring.key_file import KeyFile
from strongroom.runtime import build_runtime
from strongroom.services import Services
from strongroom.settings import load_settings

PASSWORD = "correct horse battery staple"
ADDRESS = "192.0.2.7"
CHEAP = Cost(memory_kib=8, passes=1)
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


class SetClock(SystemClock):
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        """Go on by so much, as `timedelta` takes it."""
        self.at += timedelta(**by)


@dataclass
class CountingLimiter:
    """Counts in memory what the real one counts in Redis; may be away, or full."""

    counts: dict[str, int] = field(default_factory=dict)
    away: bool = False
    most: int = 1_000_000

    def take(self, address: str) -> None:
        """Count an attempt."""
        if self.away:
            raise AddressLimiterAwayError("Attempts cannot be counted.", next_step="Start Redis.")
        if self.counts.get(address, 0) >= self.most:
            raise too_many(wait=300)
        self.counts[address] = self.counts.get(address, 0) + 1

    def give_back(self, address: str) -> None:
        """Count it no longer."""
        self.counts[address] -= 1


@dataclass
class OperatorHouse:
    """An installation with operators."""

    services: Services
    operators: Operators
    clock: SetClock
    limiter: CountingLimiter

    def add(self, name: str = "ana", role: Role = Role.OPERATOR) -> None:
        """Make an account."""
        self.operators.accounts.add(name, role, PASSWORD)

    def log_in(self, name: str = "ana") -> Principal:
        """Return who has logged in with a password alone."""
        answer = self.operators.login.begin(name, PASSWORD, ADDRESS)
        token = answer.enroll_token if answer.pair is None else answer.pair.access_token
        assert token is not None, "a code is asked for"
        return self.operators.sessions.authenticate(token)

    def enrol(self, name: str = "ana") -> tuple[Enrolment, list[str]]:
        """Give an account a second factor; the clock goes on, so that the next code is another."""
        who = self.log_in(name)
        enrolment = self.operators.mfa.enable(who)
        codes = self.operators.mfa.confirm(who, self.code(enrolment))
        self.clock.move(seconds=30)
        return enrolment, codes

    def code(self, enrolment: Enrolment, steps: int = 0) -> str:
        """Return what the app shows, so many steps from now."""
        return totp.code_at(enrolment.secret, totp.step_of(self.clock.now()) + steps)

    def mfa_token(self, name: str = "ana") -> str:
        """Return what a right password gives where there is a second factor."""
        token = self.operators.login.begin(name, PASSWORD, ADDRESS).mfa_token
        assert token is not None
        return token

    def log_in_with(self, code: str, name: str = "ana") -> Principal:
        """Return who has logged in with password and code."""
        pair = self.operators.login.complete_mfa_login(self.mfa_token(name), code, ADDRESS)
        return self.operators.sessions.authenticate(pair.access_token)


def enrol_admins(services: Services, *names: str) -> dict[str, list[str]]:
    """Make administrators with a second factor, by the clock of the machine; return the backup codes of each."""
    operators, found = open_operators(services, CountingLimiter(), CHEAP), {}
    for name in names:
        operators.accounts.add(name, Role.ADMIN, PASSWORD)
        token = operators.login.begin(name, PASSWORD, ADDRESS).enroll_token
        who = operators.sessions.authenticate(token or "")
        secret = operators.mfa.enable(who).secret
        found[name] = operators.mfa.confirm(who, totp.code_at(secret, totp.step_of(services.clock.now())))
    return found


def write_account(catalog: Catalog, account_id: uuid.UUID, name: str, role: Role = Role.ADMIN) -> None:
    """Put an account into a catalog that nobody can log in with, for tests that say themselves who asks."""
    account = Account(id=account_id, name=name, role=role.name.lower(), password_hash="none")
    account.created_at = account.password_changed_at = NOON
    with catalog.aside() as session:
        session.add(account)


def wrong_code(house: OperatorHouse, enrolment: Enrolment) -> str:
    """Return six digits that no step nearby has."""
    near = {house.code(enrolment, steps) for steps in range(-12, 13)}
    return next(f"{number:06}" for number in range(1000) if f"{number:06}" not in near)


def alerts(house: OperatorHouse) -> dict[str, Severity]:
    """Return how bad each alert is, by its cause."""
    with house.services.catalog.read() as session:
        return {alert.cause: alert.severity for alert in session.scalars(select(Alert))}


OpenOperators = Callable[..., OperatorHouse]


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[OpenOperators]:
    """Return what opens operators on a catalog, with variables of the environment."""
    (tmp_path / "data").mkdir()
    file = tmp_path / "strongroom.toml"
    file.write_text('data_dir = "data"\n[regions.home]\npath = "region"\n', encoding="utf-8")
    keys = KeyFile.create(tmp_path / "strongroom.keys", ["home"])
    assert keys.names() == ("home",)
    closing = []

    def opened(catalog_url: str, **environment: str) -> OperatorHouse:
        env = {"STRONGROOM_CATALOG_URL": catalog_url, "MFA_ENABLED": "true"} | environment
        clock, limiter = SetClock(), CountingLimiter()
        runtime = build_runtime(load_settings(file, env), clock=clock)
        closing.append(runtime)
        services = runtime.services()
        return OperatorHouse(services, open_operators(services, limiter, CHEAP), clock, limiter)

    yield opened
    for runtime in closing:
        runtime.close()


@pytest.fixture
def operators(open_house: OpenOperators, sqlite_catalog_url: str) -> OperatorHouse:
    """Operators with second factors, on SQLite."""
    return open_house(sqlite_catalog_url)
