"""A whole re-encryption: its ranges, its end, what is left out and what is refused."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from strongroom.columns.place import Binding, row_id
from strongroom.rotation import campaigns
from strongroom.rotation.campaigns import (
    cancel_reencryption,
    open_jobs_of,
    pause_reencryption,
    resume_reencryption,
)
from strongroom.rotation.errors import ColumnBusyError, ReencryptionNotFoundError, ReencryptionOverError
from strongroom.rotation.recording import RangeRecord
from strongroom.rotation.references import count_references
from strongroom.rotation.status import describe_reencryption
from tests.integration.jobs.staging import until_somebody_waits
from tests.integration.rotation.tables import hidden, keys, ring


@pytest.fixture
def small_ranges(monkeypatch):
    monkeypatch.setattr(campaigns, "ROWS_A_RANGE", 20)


def summary(site, number):
    with site.services.catalog.read() as session:
        return describe_reencryption(session, site.job(number))


@pytest.mark.parametrize("kind", ["number", "pair"])
def test_a_table_is_brought_to_the_active_version_range_by_range(site, small_ranges, kind):
    application = site.found(100, kind, Binding.ROW)
    number = site.request(application)
    ranges = len(open_jobs_of(site.services, number))

    job = site.run(number)

    assert (job.state, job.rows_by_version, job.target_version) == ("finished", {"v2": 100}, "v2")
    assert ranges == (5 if site.engine.dialect.name == "postgresql" else 1)
    told = summary(site, number)
    assert (told.processed, told.skipped, told.errors, told.total_rows) == (100, 0, 0, 100)
    cipher = application.cipher(site.ring)
    assert {key: cipher.decrypt(token, row_id(key)) for key, token in application.tokens().items()} == {
        key: hidden(key) for key in keys(kind, 100)
    }


def test_an_empty_table_is_finished_too(site):
    number = site.request(site.found())

    assert site.run(number).state == "finished"


def test_rows_that_escape_the_ranges_are_found_at_the_end(site):
    application = site.found(40)
    number = site.request(application)
    site.run_job(open_jobs_of(site.services, number)[0])
    late = application.cipher(ring("v1")).encrypt("late", None)
    application.put(keys("number", 40)[2], late)

    assert site.run(number).rows_by_version == {"v2": 40}
    assert summary(site, number).processed == 41


def test_broken_rows_are_quarantined_and_keep_their_version(site):
    application = site.found(40)
    found = keys("number", 40)
    application.put(found[7], "v1:g1.AAAA")
    application.put(found[8], "plain")

    number = site.request(application)
    job = site.run(number)

    assert job.state == "finished"
    assert summary(site, number).errors == 2
    told = {tuple(row.key): (row.version, row.reason) for row in site.quarantine()}
    assert told == {found[7]: ("v1", "columns.token_format"), found[8]: (None, "columns.not_a_token")}
    assert (application.tokens()[found[7]], application.tokens()[found[8]]) == ("v1:g1.AAAA", "plain")
    references = count_references(site.services)
    assert [(one.place, one.rows_by_version["v1"]) for one in references.columns] == [(application.target.place, 1)]
    assert references.quarantined == {"v1": 1, "?": 1}
    assert len(references.reasons_to_keep("v1")) == 2
    assert references.reasons_to_keep("v7") == []


def test_a_mended_row_leaves_the_quarantine(site):
    application = site.found(10)
    key = keys("number", 10)[3]
    application.put(key, "plain")
    site.run(site.request(application))
    application.put(key, application.cipher(site.ring).encrypt("mended", None))

    site.run(site.request(application))

    assert site.quarantine() == []


def test_a_dry_run_counts_and_changes_nothing(site):
    application = site.found(30)
    application.put(keys("number", 30)[4], "plain")
    before = application.tokens()
    number = site.request(application, dry_run=True)

    job = site.run(number)

    assert (job.state, job.rows_by_version) == ("finished", {"v1": 29, "?": 1})
    assert (summary(site, number).processed, summary(site, number).errors) == (29, 1)
    assert application.tokens() == before


def test_a_job_that_records_what_it_did_while_it_is_cancelled_is_waited_for(postgres_site, monkeypatch):
    site = postgres_site
    number = site.request(site.found(10))
    (job_id,) = open_jobs_of(site.services, number)
    write, begun = RangeRecord.write, threading.Event()

    def write_late(record, session, rows_per_second):
        if not begun.is_set():
            begun.set()
            until_somebody_waits(site.services.catalog)
        write(record, session, rows_per_second)

    monkeypatch.setattr(RangeRecord, "write", write_late)
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(site.run_job, job_id)
        assert begun.wait(60)
        cancel_reencryption(site.services, number)

    working.result()
    assert open_jobs_of(site.services, number) == []
    job = site.job(number)
    assert (job.state, job.last_error["code"]) == ("failed", "rotation.cancelled")
    assert site.run(resume_reencryption(site.services, number).id).state == "finished"


def test_two_for_one_column_are_refused_until_the_first_has_ended(site):
    application = site.found(10)
    number = site.request(application)

    with pytest.raises(ColumnBusyError) as refused:
        site.request(application)
    site.run(number)

    assert str(number) in refused.value.what
    assert site.run(site.request(application)).state == "finished"


def test_an_open_one_keeps_every_version(site):
    application = site.found(10)
    number = site.request(application)

    assert count_references(site.services).reasons_to_keep("v0") == [f"re-encryption {number} is open"]


def test_pausing_and_resuming_take_all_ranges(site, small_ranges):
    application = site.found(100)
    number = site.request(application)

    assert pause_reencryption(site.services, number).state == "paused"
    assert site.run(number).state == "paused"
    assert resume_reencryption(site.services, number).state == "pending"
    assert site.run(number).state == "finished"


def test_a_cancelled_one_goes_on_where_it_was(site, small_ranges):
    application = site.found(100)
    number = site.request(application)
    site.run_job(open_jobs_of(site.services, number)[0])

    cancelled = cancel_reencryption(site.services, number)
    assert cancelled.state == "failed"
    assert cancelled.last_error["code"] == "rotation.cancelled"
    assert resume_reencryption(site.services, number).state in ("pending", "running")
    assert site.run(number).state == "finished"
    assert (summary(site, number).processed, summary(site, number).skipped) == (100, 0)


def test_what_has_ended_cannot_be_stopped(site):
    number = site.request(site.found(5))
    site.run(number)

    for verb in (pause_reencryption, cancel_reencryption, resume_reencryption):
        with pytest.raises(ReencryptionOverError):
            verb(site.services, number)
        with pytest.raises(ReencryptionNotFoundError):
            verb(site.services, 999)


def test_a_version_the_ring_lacks_stops_the_work_before_all_rows_are_quarantined(site, monkeypatch):
    monkeypatch.setattr("strongroom.rotation.recording.MOST_BROKEN", 25)
    application = site.found(60)
    before = application.tokens()
    keyring = ring("v2")
    site.ring = type(keyring)({"v2": keyring.versions["v2"]}, "v2")
    number = site.request(application)

    job = site.run(number)

    assert (job.state, job.last_error["code"]) == ("failed", "rotation.too_many_broken")
    assert application.tokens() == before
    site.ring = keyring
    resume_reencryption(site.services, number)
    assert site.run(number).rows_by_version == {"v2": 60}


def test_a_database_that_is_away_is_tried_again(site, monkeypatch):
    application = site.found(30)
    number = site.request(application)
    settings = site.services.settings
    away = settings.get_database("shop").model_copy(
        update={"url": type(settings.get_database("shop").url)("postgresql://nobody@127.0.0.1:9/none")}
    )
    reachable = dict(settings.databases)
    settings.databases["shop"] = away
    job = site.run_job(open_jobs_of(site.services, number)[0])
    settings.databases.update(reachable)

    assert (job.state, job.last_error["code"]) == ("queued", "rotation.target_unavailable")
    assert "nobody" not in job.last_error["message"]


def test_a_rotation_on_the_way_is_followed(site, small_ranges):
    application = site.found(100)
    number = site.request(application)
    site.run_job(open_jobs_of(site.services, number)[0])
    site.ring = ring("v3", "v2")

    job = site.run(number)

    assert (job.rows_by_version, job.target_version) == ({"v3": 100}, "v3")


def test_the_column_is_registered_with_its_census(site):
    application = site.found(10)
    site.run(site.request(application))

    references = count_references(site.services)

    assert [(one.place, one.rows_by_version) for one in references.columns] == [
        ("shop:secret_number.secret", {"v2": 10})
    ]
    application.execute("DROP TABLE secret_number")
    gone = count_references(site.services)
    assert gone.columns[0].fault
    assert gone.reasons_to_keep("v1")
