"""Opening, counting, reopening and clearing alerts, in the transaction of what they are about."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from strongroom.alerts.opening import AlertReport, clear_alerts, open_alert
from strongroom.catalog.alerts import Alert, AlertNotice, AlertState, AlertType, NoticeReason, Severity
from strongroom.catalog.session import Catalog
from tests.integration.jobs.staging import at_once, until_somebody_waits

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def report(**changes: object) -> AlertReport:
    values: dict[str, object] = {
        "type": AlertType.FAILURE,
        "severity": Severity.CRITICAL,
        "cause": "backup.failed",
        "message": "Backup failed: shop",
        "next_step": "Look at the job.",
        "at": NOON,
        "source": "shop",
    }
    return AlertReport(**(values | changes))  # type: ignore[arg-type] # the values are those of the fields


def opened(catalog: Catalog, **changes: object) -> uuid.UUID:
    with catalog.begin() as session:
        return open_alert(session, report(**changes)).id


def cleared(catalog: Catalog, at: datetime, source: str | None = "shop") -> int:
    with catalog.begin() as session:
        return clear_alerts(session, cause="backup.failed", source=source, now=at, note="a backup succeeded")


def alerts(catalog: Catalog) -> list[Alert]:
    with catalog.read() as session:
        return list(session.scalars(select(Alert).order_by(Alert.id)))


def reasons(catalog: Catalog) -> list[NoticeReason]:
    with catalog.read() as session:
        return list(session.scalars(select(AlertNotice.reason).order_by(AlertNotice.created_at, AlertNotice.id)))


def tell(catalog: Catalog) -> None:
    """Have every unresolved alert told about, as routing does."""
    with catalog.begin() as session:
        for alert in session.scalars(select(Alert).where(Alert.state != AlertState.RESOLVED)):
            alert.notices += 1


def test_an_alert_and_its_first_message_are_written_together(catalog: Catalog):
    opened(catalog)

    [alert] = alerts(catalog)
    assert (alert.state, alert.count, alert.opened_at) == (AlertState.OPEN, 1, NOON)
    assert reasons(catalog) == [NoticeReason.OPENED]


def test_a_transaction_that_fails_leaves_neither(catalog: Catalog):
    def fail() -> None:
        with catalog.begin() as session:
            open_alert(session, report())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert (alerts(catalog), reasons(catalog)) == ([], [])


def test_equal_failures_are_counted_on_one_alert(catalog: Catalog):
    ids = {opened(catalog, at=NOON + timedelta(seconds=n), message=f"Backup failed: {n}") for n in range(20)}

    [alert] = alerts(catalog)
    assert ids == {alert.id}
    assert (alert.count, alert.last_seen) == (20, NOON + timedelta(seconds=19))
    assert alert.message == "Backup failed: 19"
    assert reasons(catalog) == [NoticeReason.OPENED]


def test_equal_failures_at_the_same_moment_are_one_alert(catalog: Catalog):
    at_once(8, lambda _: opened(catalog))

    [alert] = alerts(catalog)
    assert alert.count == 8
    assert reasons(catalog) == [NoticeReason.OPENED]


@pytest.mark.parametrize(
    "other", [{"source": "mail"}, {"region": "eu"}, {"policy": "p"}, {"cause": "x.y"}, {"type": AlertType.DELAY}]
)
def test_what_differs_in_type_source_policy_region_or_cause_is_another_alert(
    catalog: Catalog, other: dict[str, object]
):
    opened(catalog)
    opened(catalog, **other)

    assert len(alerts(catalog)) == 2


def test_success_clears_exactly_its_key_and_is_said_to_whoever_was_told(catalog: Catalog):
    opened(catalog)
    opened(catalog, source="mail")
    tell(catalog)

    assert cleared(catalog, NOON + timedelta(minutes=5)) == 1
    assert {a.source: a.state for a in alerts(catalog)} == {"shop": AlertState.RESOLVED, "mail": AlertState.OPEN}
    assert reasons(catalog)[-1] is NoticeReason.RESOLVED


def test_nobody_hears_of_the_end_of_what_nobody_heard_of(catalog: Catalog):
    opened(catalog)
    cleared(catalog, NOON)

    assert reasons(catalog) == [NoticeReason.OPENED]


def test_an_alert_that_comes_back_within_an_hour_keeps_its_id_and_says_again(catalog: Catalog):
    first = opened(catalog)
    cleared(catalog, NOON + timedelta(minutes=5))
    again = opened(catalog, at=NOON + timedelta(minutes=64))

    [alert] = alerts(catalog)
    assert first == again == alert.id
    assert (alert.state, alert.reopened, alert.resolution) == (AlertState.OPEN, 1, None)
    assert reasons(catalog) == [NoticeReason.OPENED, NoticeReason.AGAIN]


def test_after_an_hour_it_is_a_new_alert(catalog: Catalog):
    opened(catalog)
    cleared(catalog, NOON)
    opened(catalog, at=NOON + timedelta(hours=1))

    assert [a.state for a in alerts(catalog)] == [AlertState.RESOLVED, AlertState.OPEN]


def test_an_alert_that_gets_worse_says_so_once(catalog: Catalog):
    opened(catalog, severity=Severity.MEDIUM)
    opened(catalog, severity=Severity.CRITICAL)
    opened(catalog, severity=Severity.MEDIUM)

    assert alerts(catalog)[0].severity is Severity.CRITICAL
    assert set(reasons(catalog)) == {NoticeReason.OPENED, NoticeReason.RAISED}


def test_low_severity_is_listed_and_not_said(catalog: Catalog):
    opened(catalog, severity=Severity.LOW)

    assert len(alerts(catalog)) == 1
    assert reasons(catalog) == []


def test_four_changes_a_day_are_said_once_and_then_no_more(catalog: Catalog):
    for hour in range(5):
        opened(catalog, at=NOON + timedelta(hours=2 * hour))
        tell(catalog)
        cleared(catalog, NOON + timedelta(hours=2 * hour, minutes=1))

    said = reasons(catalog)
    assert said.count(NoticeReason.FLAPPING) == 1
    # What the routing makes of the ends concerns only channels that keep alerts under a key.
    assert set(said[said.index(NoticeReason.FLAPPING) :]) == {NoticeReason.FLAPPING, NoticeReason.RESOLVED}
    # A quiet day later it is an alert like any other.
    opened(catalog, at=NOON + timedelta(hours=40))
    assert reasons(catalog)[-1] is NoticeReason.OPENED


def test_who_waited_for_an_old_alert_is_counted_on_the_one_opened_meanwhile(catalog: Catalog):
    first = opened(catalog)
    cleared(catalog, NOON)

    with ThreadPoolExecutor(1) as pool:
        with catalog.begin() as session:
            newer = open_alert(session, report(at=NOON + timedelta(hours=2))).id
            waiting = pool.submit(opened, catalog, at=NOON + timedelta(minutes=30))
            until_somebody_waits(catalog)
        assert waiting.result() == newer != first

    assert [(a.state, a.count) for a in alerts(catalog)] == [(AlertState.RESOLVED, 1), (AlertState.OPEN, 2)]
    assert reasons(catalog) == [NoticeReason.OPENED, NoticeReason.OPENED]


def test_no_alert_is_opened_twice_by_rivals_that_also_clear(catalog: Catalog):
    def one(number: int) -> None:
        opened(catalog, at=NOON + timedelta(hours=number))
        cleared(catalog, NOON + timedelta(hours=number))

    at_once(6, one)

    with catalog.read() as session:
        twice = select(Alert.dedup_key).where(Alert.state != AlertState.RESOLVED).group_by(Alert.dedup_key)
        assert session.scalars(twice.having(func.count() > 1)).all() == []
