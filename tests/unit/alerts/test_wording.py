"""Whoever is told of an alert is led to the section of the runbook for its cause."""

from datetime import UTC, datetime

import pytest

from strongroom.alerts.wording import Wording
from strongroom.catalog.alerts import Alert, AlertState, AlertType, NoticeReason, Severity

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def alert(cause: str) -> Alert:
    return Alert(
        id=None,
        dedup_key="d",
        type=AlertType.FAILURE,
        severity=Severity.HIGH,
        state=AlertState.OPEN,
        cause=cause,
        message="Backup failed: shop",
        next_step="Look.",
        opened_at=NOON,
        since=NOON,
        count=1,
        notices=0,
    )


@pytest.mark.parametrize(
    ("address", "cause", "expected"),
    [
        (None, "backup.failed", "docs/runbook.md#backup-failed"),
        (None, "channel.failing.ops-mail", "docs/runbook.md#channel-failing"),
        ("https://wiki.example.com/runbook", "backup.failed", "https://wiki.example.com/runbook#backup-failed"),
    ],
)
def test_a_message_leads_to_the_section_of_its_cause(address: str | None, cause: str, expected: str) -> None:
    wording = Wording(None, NOON, address)

    message = wording.message("1", NoticeReason.OPENED, [alert(cause)])

    assert message.subjects[0].runbook == expected
    assert f"Runbook: {expected}" in message.text
