"""A worker killed in the middle of a bucket or of log groups: the next one goes on, nothing twice, nothing lost."""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from strongroom.catalog.jobs import Job
from strongroom.jobs.sweeper import sweep
from strongroom.testing.stores import Fault, Operation, sudden_death
from tests.integration.backup.conftest import House, in_a_process_that_dies, small_house
from tests.integration.sources.test_cloudwatch_backup import LogHouse, logs, problems
from tests.integration.sources.test_s3_backup import BucketHouse, bucket

__all__ = ["bucket", "in_a_process_that_dies", "logs", "small_house"]

Trial = Callable[[Callable[[], object]], bool]


def kill_at_pack(house: House, job: Job, trial: Trial, *, packs: int) -> None:
    """Have a worker begin, killed with SIGKILL when it has stored so many packs; then have its lease run out."""
    fault = Fault(Operation.PUT, sudden_death, nth=packs + 1, key_prefix="p/")
    services = house.with_small_packs(house.with_faults("eu", [fault]))
    house.runtime.close()
    assert not trial(partial(house.run, job, services))
    with house.services.catalog.begin() as session:
        session.get_one(Job, job.id).lease_until = job.created_at
    assert job.id in sweep(house.services.ledger).requeued


def test_a_killed_backup_of_a_bucket_goes_on_with_the_next_objects(
    bucket: BucketHouse, in_a_process_that_dies: Trial
) -> None:
    bucket.keep_versions()
    bodies = {f"{number:02}": os.urandom(300_000) for number in range(24)}
    for key, body in bodies.items():
        bucket.put(key, body)
    bucket.put("23", b"newer")
    job = bucket.house.request("bucket")
    kill_at_pack(bucket.house, job, in_a_process_that_dies, packs=4)
    # What changes meanwhile is seen, and what is gone is not missed.
    bucket.put("00", b"changed")
    bucket.client.delete_object(Bucket=bucket.bucket, Key="01")
    bucket.proxy.calls.clear()

    done = bucket.house.run(job)

    assert done.state == "succeeded", done.last_error
    assert 0 < len(bucket.gets()) < len(bodies)
    restored = bucket.restored(done)
    current = bodies | {"00": b"changed", "23": b"newer"}
    del current["01"]
    assert {name: body for name, body in restored.items() if "%versions" not in name} == current
    assert {body for name, body in restored.items() if "%versions" in name} >= {
        bodies["00"],
        bodies["01"],
        bodies["23"],
    }
    assert len(bucket.house.objects("eu", "c/")) == 1
    bucket.proxy.calls.clear()
    assert bucket.house.backup(bucket.back_up()).stored_bytes < 50_000
    assert bucket.count("GET", "versionId=") == 0


def test_a_killed_backup_of_log_groups_keeps_what_has_expired_meanwhile_and_names_what_it_lacks(
    logs: LogHouse, in_a_process_that_dies: Trial
) -> None:
    logs.configure(days=4)
    group = logs.group(retention=1)
    now = datetime.now(UTC)
    said = {hours: secrets.token_urlsafe(180_000) for hours in range(22, 2, -1)}
    for hours, message in said.items():
        logs.put(group, hours, message)
        logs.put(group, hours, secrets.token_urlsafe(180_000), "two")
    logs.set_ahead(timedelta(hours=-19))
    first = logs.messages(logs.back_up(), "first")
    assert 0 < len(first) <= 8
    logs.set_ahead(timedelta())
    job = logs.house.request("logs")
    kill_at_pack(logs.house, job, in_a_process_that_dies, packs=2)

    # Sixteen hours later nothing older than eight hours from now is left of the group.
    logs.set_ahead(timedelta(hours=16))
    done = logs.house.run(job)

    assert done.state == "succeeded", done.last_error
    found = logs.restored(done)
    messages = logs.messages(done, "again")
    assert len(messages) == len(set(messages))
    # The killed worker had read some of what has gone since: that is in the backup.
    assert len(messages) > len(first) + 2 * 8
    missing = {name.rpartition("web/")[2] for name in found if name.endswith(".missing")}
    lacking = {hours for hours, message in said.items() if message not in messages}
    assert min(lacking) > 7
    assert missing >= {f"{now - timedelta(hours=hours):%Y-%m-%d/%H}.missing" for hours in lacking}
    # The hour in the middle of which the group's events begin now may lack some too.
    assert len(missing) <= len(lacking) + 1
    assert len(problems(done)) == 1
