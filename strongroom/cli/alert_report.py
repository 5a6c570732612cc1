"""Showing alerts, silences and channels in words or as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from strongroom.alerts.acting import AlertStory
from strongroom.alerts.channel_status import ChannelStatus
from strongroom.catalog.alert_messages import AlertSilence
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.cli.documents import plain, row_document
from strongroom.cli.figures import count, moment
from strongroom.cli.screen import Screen

# Only its type: the channels' modules stay out of commands that speak to nobody.
if TYPE_CHECKING:
    from strongroom.alerts.trying import TestResult


def alert_document(alert: Alert) -> dict[str, Any]:
    """Return an alert with the requirement's fields beside ours."""
    return row_document(alert) | {
        "backupId": plain(alert.backup_id),
        "timestamp": plain(alert.opened_at),
        "resolved": alert.state is AlertState.RESOLVED,
    }


def show_alerts(alerts: Sequence[Alert], next_cursor: str | None, screen: Screen) -> None:
    """Print a list of alerts."""
    if screen.json:
        screen.document({"items": [alert_document(alert) for alert in alerts], "next_cursor": next_cursor})
        return
    if not alerts:
        screen.line("Nothing is wrong that we know of.")
        return
    rows = [
        (str(a.id), a.severity.value, _state(a), moment(a.since), f"{a.count:,}", a.suppressed_by or "-", a.message)
        for a in alerts
    ]
    screen.table(("ALERT", "SEVERITY", "STATE", "SINCE", "#SEEN", "HELD BY", "MESSAGE"), rows)
    if next_cursor:
        screen.say(f"More with --cursor {next_cursor}")


def show_alert(alert: Alert, screen: Screen) -> None:
    """Print how an alert stands now."""
    if screen.json:
        screen.document(alert_document(alert))
    else:
        screen.line(f"{_state(alert).capitalize()}: {alert.message}")


def show_story(story: AlertStory, screen: Screen) -> None:
    """Print an alert with all that happened."""
    alert = story.alert
    if screen.json:
        events = [row_document(event) for event in story.events]
        deliveries = [_delivery_document(row_document(delivery)) for delivery in story.deliveries]
        screen.document(alert_document(alert) | {"events": events, "deliveries": deliveries})
        return
    screen.line(f"{alert.severity.value} {alert.type.value}: {alert.message} ({_state(alert)})")
    screen.line(f"Since {moment(alert.since)}, seen {count(alert.count, 'time')}. Cause {alert.cause}.")
    screen.line(f"Next: {alert.next_step}")
    screen.line("")
    screen.table(
        ("WHEN", "WHAT", "WHO", "DETAIL"), [(moment(e.at), e.what, e.actor, e.detail or "") for e in story.events]
    )
    screen.line("")
    screen.table(
        ("SAID", "CHANNEL", "WHY", "STATE", "#TRIES", "ERROR"),
        [
            (moment(d.created_at), d.channel, d.reason.value, d.state.value, str(d.attempts), d.last_error or "")
            for d in story.deliveries
        ],
    )


def show_silences(silences: Sequence[AlertSilence], screen: Screen) -> None:
    """Print the silences in force."""
    if screen.json:
        screen.document({"items": [row_document(silence) for silence in silences]})
        return
    rows = [
        (str(s.id), ", ".join(f"{k}={v}" for k, v in s.matcher.items()), moment(s.ends_at), s.created_by, s.reason)
        for s in silences
    ]
    screen.table(("SILENCE", "MATCHES", "ENDS", "BY", "REASON"), rows)


def show_tests(results: Sequence["TestResult"], screen: Screen) -> None:
    """Print how tests of channels went."""
    if screen.json:
        screen.document({"items": [plain(result) for result in results]})
        return
    rows = [(r.channel, r.kind, "taken" if r.taken else "NOT TAKEN", _why(r)) for r in results]
    screen.table(("CHANNEL", "KIND", "RESULT", "WHY"), rows)


def show_channels(channels: Sequence[ChannelStatus], screen: Screen) -> None:
    """Print the channels and how they have done."""
    if screen.json:
        screen.document({"items": [plain(channel) for channel in channels]})
        return
    rows = [
        (
            c.name,
            c.kind,
            c.min_severity,
            f"{c.after_minutes} min",
            moment(c.succeeded_at),
            str(c.waiting),
            str(c.dead),
            c.last_error or "" if c.failures else "",
        )
        for c in channels
    ]
    screen.table(("CHANNEL", "KIND", "FROM", "AFTER", "LAST TAKEN", "#WAITING", "#DEAD", "FAILING"), rows)


def read_matcher(words: Sequence[str]) -> dict[str, str]:
    """Return what a silence matches from `FIELD=PATTERN`; raises UsageError for anything else."""
    matcher = {}
    for word in words:
        field, sign, pattern = word.partition("=")
        if not sign or not field or not pattern:
            raise click.UsageError(f"{word!r} is not FIELD=PATTERN, such as source=shop.")
        matcher[field] = pattern
    return matcher


def _delivery_document(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in {"payload", "lease_owner"}}


def _state(alert: Alert) -> str:
    if alert.state is AlertState.ACKNOWLEDGED:
        return f"acknowledged by {alert.acknowledged_by}"
    return alert.state.value


def _why(result: "TestResult") -> str:
    return f"{result.error} {result.next_step}" if result.error else ""
