"""What a scrape says is what the catalog holds; on SQLite and on PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete

from strongroom.alerts.ticks import note_tick
from strongroom.catalog.alert_messages import AlertDelivery, DeliveryState
from strongroom.catalog.alerts import Alert, AlertState, AlertType, NoticeReason, Severity
from strongroom.catalog.backups import BackupState, RegionCheck
from strongroom.catalog.delivery_lags import note_lag
from strongroom.catalog.drills import Drill, DrillState
from strongroom.catalog.jobs import JobState
from strongroom.catalog.reencryption import (
    EncryptedColumn,
    RangePhase,
    ReencryptionJob,
    ReencryptionRange,
    ReencryptionState,
)
from strongroom.catalog.retention import Expiry, ExpiryCause
from strongroom.catalog.tallies import Counted, Tally, add_to_tally
from strongroom.clock import SystemClock, system_random
from strongroom.ids import new_id
from strongroom.jobs.processes import TICKS, ProcessIdentity, ProcessKind, record_heartbeat
from strongroom.metrics.definitions import CATALOG
from strongroom.metrics.exporting import export
from tests.integration.metrics.conftest import REGIONS, make_backup, make_job, make_replicas

MOST_STATEMENTS = 26
SERIES_BUDGET = 5000
DAY = timedelta(days=1)


def add(installation, *rows):
    with installation.catalog.begin() as session:
        for row in rows:
            session.add(row)
            session.flush()


def test_every_metric_is_named_even_where_nothing_has_happened(installation):
    families = export(installation.catalog, installation.settings)

    assert [family.name for family in families if not family.documentation] == []
    assert {f"{family.name}_total" if family.type == "counter" else family.name for family in families} == {
        definition.name for definition in CATALOG
    }


def test_the_last_success_is_that_of_the_newest_backup_each_region_holds_whole(installation):
    old, new = make_backup("shop", 2 * DAY), make_backup("shop", DAY)
    add(installation, old, *make_replicas(old, *REGIONS), new, *make_replicas(new, "here"))
    scraped = installation.scrape()

    def last(region):
        labels = {"source": "shop", "type": "files", "policy": "operational-data", "region": region}
        return scraped["strongroom_backup_last_success_timestamp_seconds", tuple(sorted(labels.items()))]

    assert last("here") == pytest.approx(new.created_at.timestamp(), abs=0.001)
    assert last("there") == pytest.approx(old.created_at.timestamp(), abs=0.001)


def test_a_backup_that_is_not_committed_is_no_success(installation):
    running = make_backup("shop", DAY, state=BackupState.RUNNING)
    add(installation, running)
    labels = {"source": "shop", "type": "files", "policy": "operational-data", "region": "here"}

    assert installation.value("backup_last_success_timestamp_seconds", **labels) is None
    assert installation.value("backups", source="shop") == 0


def test_promises_are_there_before_the_first_backup(installation):
    assert installation.value("backup_rpo_seconds", source="shop") == 172_800
    assert installation.value("restore_rto_seconds", source="shop") == 1_800


def test_runs_are_counted_by_how_they_ended(installation):
    ended = [JobState.SUCCEEDED, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.RUNNING]
    add(installation, *(make_job(state) for state in ended))

    def runs(outcome):
        return installation.value("backup_runs_total", source="shop", type="files", outcome=outcome)

    assert [runs(outcome) for outcome in ("succeeded", "failed", "cancelled", "dead")] == [2, 1, 1, None]


def test_durations_and_sizes_are_those_of_committed_backups(installation):
    slow, quick = make_backup("shop", 2 * DAY, seconds=5000, size=900), make_backup("shop", DAY, seconds=30, size=700)
    add(installation, slow, quick, make_backup("shop", DAY, state=BackupState.RUNNING))
    labels = {"source": "shop", "type": "files"}

    def within(bound):
        return installation.value("backup_duration_seconds_bucket", le=bound, **labels)

    assert [within(bound) for bound in ("60.0", "3600.0", "14400.0", "+Inf")] == [1, 1, 2, 2]
    assert installation.value("backup_duration_seconds_sum", **labels) == pytest.approx(5030, abs=0.1)
    assert installation.value("backup_size_bytes", **labels) == 700
    assert installation.value("backup_stored_bytes", **labels) == 350


def test_a_region_lags_as_long_as_its_oldest_missing_copy(installation):
    backup, older = make_backup("shop", timedelta(hours=2), seconds=0), make_backup("shop", DAY, seconds=0)
    add(installation, backup, *make_replicas(backup, "here"), older, *make_replicas(older, "here", "there"))

    assert installation.value("replica_lag_seconds", region="here") == 0
    assert installation.value("replica_lag_seconds", region="there") == pytest.approx(7200, abs=60)
    assert installation.value("replica_lag_seconds", region="yonder") == pytest.approx(86400, abs=60)
    assert [installation.value("replica_missing_objects", region=region) for region in REGIONS] == [0, 3, 6]
    assert [installation.value("region_stored_bytes", region=region) for region in REGIONS] == [1000, 500, 0]


def test_a_region_that_fails_is_down_and_its_room_is_known(installation):
    now = datetime.now(UTC)
    (installation.settings.home.path).mkdir(parents=True)
    add(
        installation,
        RegionCheck(region="here", checked_at=now),
        RegionCheck(region="there", fault="no", checked_at=now),
    )

    assert [installation.value("region_up", region=region) for region in REGIONS] == [1, 0, None]
    assert (installation.value("region_free_bytes", region="here") or 0) > 0
    assert installation.value("region_free_bytes", region="there") is None


def test_the_last_drill_that_passed_counts(installation):
    now = datetime.now(UTC)
    drills = ((DrillState.PASSED, 3, 40.0), (DrillState.PASSED, 2, 30.0), (DrillState.FAILED, 1, 5.0))
    for state, days, seconds in drills:
        ended = now - days * DAY
        new = new_id(SystemClock(), system_random)
        drill = Drill(id=new, source="shop", state=state, created_at=ended, finished_at=ended, seconds=seconds)
        add(installation, drill)

    passed = installation.value("restore_drill_last_success_timestamp_seconds", source="shop")
    assert passed == pytest.approx((now - 2 * DAY).timestamp(), abs=0.001)
    assert installation.value("restore_drill_duration_seconds", source="shop") == 30
    assert installation.value("restore_drill_failing", source="shop") == 1


def test_queues_say_how_long_the_oldest_job_has_been_due(installation):
    waiting = make_job(JobState.QUEUED, attempt=3, due=timedelta(minutes=10))
    later = make_job(JobState.QUEUED, due=timedelta(minutes=-10))
    add(installation, waiting, later, make_job(JobState.RUNNING, attempt=2))

    assert installation.value("jobs_queued", queue="backup") == 2
    assert installation.value("jobs_running", queue="backup") == 1
    assert installation.value("job_oldest_age_seconds", queue="backup") == pytest.approx(600, abs=60)
    assert installation.value("job_oldest_age_seconds", queue="copy") == 0
    assert installation.value("job_retries_total", queue="backup") == 3


def test_workers_count_for_each_queue_they_serve(installation):
    now = datetime.now(UTC)
    with installation.catalog.begin() as session:
        for name, queues in (("recovery@a", ("restore", "copy")), ("recovery@b", ("copy",))):
            record_heartbeat(session, ProcessIdentity(name, ProcessKind.WORKER, "a", 1, now, queues))
        record_heartbeat(session, ProcessIdentity("watch@a", ProcessKind.WATCHER, "a", 2, now))
        note_tick(session, TICKS, now)

    assert [installation.value("workers_up", queue=queue) for queue in ("restore", "copy", "backup")] == [1, 2, 0]
    assert [installation.value("processes_up", kind=kind) for kind in ("worker", "watcher", "api")] == [2, 1, 0]
    assert installation.value("beat_last_tick_timestamp_seconds") == pytest.approx(now.timestamp(), abs=0.001)


def test_rows_that_are_left_to_reencrypt_are_those_no_range_has_met(installation):
    now, place = datetime.now(UTC), "shop:public.customer.tax_id"
    column = EncryptedColumn(place=place, target={}, registered_at=now, rows_by_version={"v1": 7, "v2": 5})
    job = ReencryptionJob(
        state=ReencryptionState.RUNNING, place=place, target={}, target_version="v2", dry_run=False, pace={},
        total_rows=100, trace_id="0" * 32, created_at=now, updated_at=now,
    )  # fmt: skip
    work = make_job(JobState.RUNNING)
    add(installation, column, job, work)
    one = {"job_id": job.id, "phase": RangePhase.KEYSET, "ledger_job": work.id, "done": False}
    add(installation, ReencryptionRange(number=1, processed=30, skipped=10, **one), ReencryptionRange(number=2, **one))

    assert installation.value("reencrypt_rows_remaining", column=place) == 60
    assert installation.value("key_version_rows", column=place, version="v1") == 7


def test_what_retention_deleted_is_what_expired_backups_had_added(installation):
    now = datetime.now(UTC)
    gone, going = (make_backup("shop", DAY, size=600, state=BackupState.RETIRED) for _ in range(2))
    ends = {gone: now, going: None}
    add(installation, *ends)
    for backup, finished in ends.items():
        expiry = Expiry(
            backup_id=backup.id, source="shop", policy="operational-data", cause=ExpiryCause.POLICY, reason="old",
            decided_by="tests", decided_at=now, finished_at=finished,
        )  # fmt: skip
        add(installation, expiry)

    assert installation.value("retention_deleted_bytes_total", policy="operational-data") == 300
    assert installation.value("retention_deleted_bytes_total", policy="critical-data") == 0


def test_alerts_count_while_they_are_open_and_messages_while_they_wait(installation):
    now = datetime.now(UTC)
    for number, state in enumerate((AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.RESOLVED)):
        alert = Alert(
            id=new_id(SystemClock(), system_random), dedup_key=str(number) * 64, type=AlertType.FAILURE,
            severity=Severity.HIGH, state=state, cause="tests", message="m", next_step="n", opened_at=now, since=now,
            last_seen=now,
        )  # fmt: skip
        add(installation, alert)
    delivery = AlertDelivery(
        id=new_id(SystemClock(), system_random), group_id=alert.id, channel="ops", reason=NoticeReason.OPENED,
        payload={}, state=DeliveryState.WAITING, due_at=now, created_at=now - timedelta(minutes=3),
    )  # fmt: skip
    add(installation, delivery)

    assert [installation.value("alerts_open", severity=severity) for severity in ("high", "critical")] == [2, 0]
    assert installation.value("alert_message_oldest_age_seconds", channel="ops") == pytest.approx(180, abs=60)


def test_the_lag_of_messages_is_a_histogram_that_outlives_them(installation):
    def within(bound):
        return installation.value("alert_delivery_lag_seconds_bucket", channel="ops", le=bound)

    assert [within(bound) for bound in ("5.0", "60.0", "+Inf")] == [0, 0, 0]
    with installation.catalog.begin() as session:
        for seconds in (-0.2, 0.4, 5.0, 59.5, 61.0, 9000.0):
            note_lag(session, "ops", seconds, told=True)
        note_lag(session, "ops", 2.0, told=False)

    assert [within(bound) for bound in ("5.0", "15.0", "60.0", "300.0", "+Inf")] == [3, 3, 4, 5, 7]
    assert installation.value("alert_delivery_lag_seconds_count", channel="ops") == 7
    assert installation.value("alert_delivery_lag_seconds_sum", channel="ops") == pytest.approx(9127.9)


def test_counts_grow_with_what_happens_and_do_not_shrink_when_it_is_forgotten(installation):
    def sent():
        return installation.value("alert_deliveries_total", channel="ops", outcome="sent")

    assert sent() == 0
    for _ in range(2):
        with installation.catalog.begin() as session:
            add_to_tally(session, Counted.DELIVERIES, "ops", "sent", times=2)
            add_to_tally(session, Counted.DELIVERIES, "gone", "sent")
    with installation.catalog.begin() as session:
        session.execute(delete(AlertDelivery))

    assert sent() == 4
    assert installation.value("alert_deliveries_total", channel="gone", outcome="sent") is None


def test_a_count_of_a_transaction_that_failed_is_not_kept(installation):
    def fail():
        with installation.catalog.begin() as session:
            add_to_tally(session, Counted.SYNC_KEYS, "KP-B")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with installation.catalog.read() as session:
        assert session.get(Tally, (Counted.SYNC_KEYS, "KP-B", "")) is None


def test_two_hundred_sources_in_three_regions_stay_within_the_budget(make_installation, statements):
    names = [f"source-{number}" for number in range(200)]
    crowd = make_installation(*names)
    now = datetime.now(UTC)
    for name in names:
        backup = make_backup(name, DAY)
        new = new_id(SystemClock(), system_random)
        drill = Drill(id=new, source=name, state=DrillState.PASSED, created_at=now, finished_at=now, seconds=1.0)
        states = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
        jobs = [make_job(state, source=name) for state in states]
        with crowd.catalog.begin() as session:
            session.add(backup)
            session.flush()
            session.add_all([*make_replicas(backup, *REGIONS), drill, *jobs])
    statements.clear()
    series = crowd.scrape()

    assert len(series) < SERIES_BUDGET - 900, "120 routes, methods and codes have 8 series each"
    assert len(statements) <= MOST_STATEMENTS, "A statement for each source would be too many"
