"""Operators, a clock that the test moves, and codes that are good once."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from strongroom.access.principals import Principal, PrincipalKind, Role
from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock, system_random
from strongroom.errors import NotAllowedError
from strongroom.settings import Settings, load_settings
from strongroom.stepup.acts import Act
from strongroom.stepup.challenges import StepUpEvent, StepUps
from strongroom.stepup.permits import spend_permit
from tests.services.operators import write_account


class HandClock(SystemClock):
    """A clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 5, 4, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the moment that the test has set."""
        return self.moment

    def pass_by(self, **length: float) -> None:
        """Let time go by."""
        self.moment += timedelta(**length)


class WrongCodeError(NotAllowedError):
    """The code is no good."""

    code = "test.wrong_code"


class Codes:
    """Takes every code once that begins with the operator's name."""

    def __init__(self) -> None:
        self.used: list[str] = []

    def verify(self, account_id: uuid.UUID, code: str, now: datetime) -> None:
        """Use a code up; raises WrongCodeError."""
        if account_id != id_of(code.partition(" ")[0]) or code in self.used:
            raise WrongCodeError("Wrong code.", next_step="Take another.")
        self.used.append(code)


class Room:
    """Step-ups on a catalog, and what was written down about them."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self.clock, self.codes = HandClock(), Codes()
        self.told: list[tuple[str, str, str | None]] = []
        self.means = StepUps(catalog, settings, self.clock, system_random, self.codes, self._tell)

    def _tell(self, session: Session, principal: Principal, act: Act, event: StepUpEvent) -> None:
        assert session.in_transaction()
        self.told.append((principal.name, event.step.value, event.refusal and event.refusal.value))


def id_of(name: str) -> uuid.UUID:
    """Return the id of somebody's account."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, name)


def operator(name: str, role: Role = Role.ADMIN) -> Principal:
    """Return somebody who is logged in."""
    return Principal(str(id_of(name)), name, PrincipalKind.OPERATOR, role, session_id=f"session of {name}")


CONFIG = """
[regions.eu]
path = "."
[sources.shop]
kind = "files"
path = "."
policy = "critical-data"
[sources.scratch]
kind = "files"
path = "."
policy = "development-data"
"""


@pytest.fixture
def room(catalog_url: str, tmp_path: Path) -> Iterator[Room]:
    """Step-ups on a new catalog, with two sources: shop answers to GDPR and SOX, scratch to nobody."""
    path = tmp_path / "strongroom.toml"
    path.write_text(CONFIG, encoding="utf-8")
    catalog = Catalog(open_engine(catalog_url), (spend_permit,))
    for name in ("anna", "bento"):
        write_account(catalog, id_of(name), name)
    yield Room(catalog, load_settings(path, {}))
    catalog.close()
