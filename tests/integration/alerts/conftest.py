"""A catalog, channels, and a clock that the test moves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from strongroom.alerts.holding import read_holding
from strongroom.alerts.message import Message
from strongroom.alerts.opening import AlertReport, clear_alerts, open_alert
from strongroom.alerts.reminding import Reminder
from strongroom.alerts.routing import Router
from strongroom.alerts.wording import Wording
from strongroom.catalog.alert_messages import AlertDelivery
from strongroom.catalog.alerts import Alert, AlertType, Severity
from strongroom.catalog.session import Catalog
from strongroom.settings import Settings
from tests.integration.alerts.stage import SECRETS, settings_with

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)

CHANNELS = """
[channels.mail]
kind = "email"
host = "127.0.0.1"
sender = "a@example.com"
to = ["b@example.com"]
[channels.chat]
kind = "slack"
url_env = "SECRET"
[channels.text]
kind = "sms"
account = "AC1"
token_env = "TOKEN"
sender = "+351210000000"
to = "+351910000000"
[channels.ring]
kind = "call"
account = "AC1"
token_env = "TOKEN"
sender = "+351210000000"
to = "+351910000000"
[channels.second]
kind = "email"
after_minutes = 30
min_severity = "critical"
host = "127.0.0.1"
sender = "a@example.com"
to = ["c@example.com"]
[channels.pager]
kind = "pagerduty"
min_severity = "critical"
routing_key_env = "TOKEN"
"""


class Room:
    """A catalog with alerts, the channels of the settings, and the time."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self.catalog = catalog
        self.settings = settings
        self.now = NOON

    def later(self, **length: float) -> None:
        """Let time pass."""
        self.now += timedelta(**length)

    def open(self, source: str | None = "shop", *, severity: Severity = Severity.CRITICAL, **changes: object) -> Alert:
        """Open an alert now."""
        values: dict[str, object] = {
            "type": AlertType.FAILURE,
            "severity": severity,
            "cause": "backup.failed",
            "message": f"Backup failed: {source}",
            "next_step": "Look.",
            "at": self.now,
            "source": source,
        }
        with self.catalog.begin() as session:
            return open_alert(session, AlertReport(**(values | changes)))  # type: ignore[arg-type] # as the fields are

    def clear(self, source: str | None = "shop", cause: str = "backup.failed", region: str | None = None) -> int:
        """Clear alerts now."""
        with self.catalog.begin() as session:
            return clear_alerts(session, cause=cause, source=source, region=region, now=self.now, note="well again")

    def router(self, session: object) -> Router:
        """Return a router of this moment."""
        holding = read_holding(session, self.settings.home.name, self.now)  # type: ignore[arg-type] # a session
        return Router(self.settings.channels, Wording(None, self.now), holding)

    def route(self, **after: float) -> list[tuple[str, str]]:
        """Let a moment pass, route, and return what was handed to which channel by that."""
        self.later(**(after or {"seconds": 2}))
        before = len(self.deliveries())
        with self.catalog.begin() as session:
            self.router(session).route(session)
        return self.said(before)

    def remind(self, **after: float) -> list[tuple[str, str]]:
        """Let time pass, remind and route, and return what was handed to which channel by that."""
        self.later(**after)
        before = len(self.deliveries())
        with self.catalog.begin() as session:
            Reminder(self.router(session)).remind(session)
        self.later(seconds=2)
        with self.catalog.begin() as session:
            self.router(session).route(session)
        return self.said(before)

    def said(self, since: int = 0) -> list[tuple[str, str]]:
        """Return channel and title of every delivery after the first ones."""
        return [(d.channel, Message.of_stored(d.payload).title) for d in self.deliveries()[since:]]

    def deliveries(self) -> list[AlertDelivery]:
        """Return every delivery in the order in which they were written."""
        with self.catalog.read() as session:
            rows = session.scalars(select(AlertDelivery)).all()
        order = list(self.settings.channels)
        return sorted(rows, key=lambda row: (row.created_at, order.index(row.channel), row.id))

    def alert(self, source: str | None = "shop") -> Alert:
        """Return the newest alert of a source."""
        with self.catalog.read() as session:
            return session.scalars(select(Alert).where(Alert.source == source).order_by(Alert.id.desc())).first()  # type: ignore[return-value] # the test opened it


@pytest.fixture
def room(catalog: Catalog, tmp_path: Path) -> Room:
    """A room with six channels and no alerts; the test runs once on SQLite and once on PostgreSQL."""
    return Room(catalog, settings_with(tmp_path, CHANNELS, SECRETS))
