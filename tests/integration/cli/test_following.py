"""Waiting for a job says when nobody takes it, and how it ended."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.catalog.jobs import Job, JobState
from strongroom.catalog.schema import upgrade
from strongroom.cli.errors import JobFailedError, WaitInterruptedError
from strongroom.cli.following import follow_job, verify_succeeded
from strongroom.cli.screen import Screen
from strongroom.errors import ExitCode
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.runtime import build_runtime
from strongroom.services import Services
from strongroom.settings import load_settings


class ScriptedClock:
    """A clock on which an event happens at a certain second."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.events: dict[float, object] = {}

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        event = self.events.pop(self.seconds, None)
        if isinstance(event, type) and issubclass(event, BaseException):
            raise event
        if callable(event):
            event()


@pytest.fixture
def clock() -> ScriptedClock:
    return ScriptedClock()


@pytest.fixture
def services(tmp_path: Path, sqlite_catalog_url: str, clock: ScriptedClock) -> Iterator[Services]:
    config = tmp_path / "strongroom.toml"
    config.write_text('[regions.a]\npath = "a"\n')
    runtime = build_runtime(load_settings(config, {"STRONGROOM_CATALOG_URL": sqlite_catalog_url}), clock=clock)
    upgrade(runtime.catalog.engine)
    yield runtime.services()
    runtime.close()


@pytest.fixture
def job_id(services: Services) -> uuid.UUID:
    with services.catalog.begin() as session:
        request = JobRequest(kind=JobKind.BACKUP_RUN, args={"source": "uploads"}, trace_id="0" * 32)
        return services.ledger.enqueue(session, request).id


@pytest.mark.parametrize(("seconds", "warnings"), [(14.0, 0), (60.0, 1)])
def test_after_fifteen_seconds_without_a_worker_it_says_what_to_do_once(
    services: Services,
    clock: ScriptedClock,
    job_id: uuid.UUID,
    capsys: pytest.CaptureFixture[str],
    seconds: float,
    warnings: int,
) -> None:
    clock.events[seconds] = lambda: services.ledger.request_cancel(job_id)
    assert follow_job(services, job_id, Screen()).state is JobState.CANCELLED
    assert capsys.readouterr().err.count(f"strongroom jobs run {job_id}") == warnings


def test_ctrl_c_leaves_the_job_and_says_how_to_follow_it(
    services: Services, clock: ScriptedClock, job_id: uuid.UUID
) -> None:
    clock.events[1.0] = KeyboardInterrupt
    with pytest.raises(WaitInterruptedError, match=f"jobs watch {job_id}"):
        follow_job(services, job_id, Screen())
    assert services.ledger.get(job_id).state is JobState.QUEUED


def test_a_failed_job_ends_in_the_exit_code_of_its_error() -> None:
    error = {"code": "storage.denied", "message": "The region refused.", "next_step": "Check the key.", "exit_code": 13}
    job = Job(id=uuid.UUID(int=1), kind="backup.run", state=JobState.FAILED, last_error=error)
    with pytest.raises(JobFailedError, match=r"The region refused\. Check the key\.") as caught:
        verify_succeeded(job)
    assert (caught.value.job_code, caught.value.ends_in) == ("storage.denied", ExitCode.NOT_ALLOWED)


def test_a_dead_job_is_a_failure() -> None:
    job = Job(id=uuid.UUID(int=1), kind="backup.run", state=JobState.DEAD, last_error=None)
    with pytest.raises(JobFailedError, match="has died"):
        verify_succeeded(job)


def test_a_job_that_succeeded_raises_nothing() -> None:
    verify_succeeded(Job(id=uuid.UUID(int=1), kind="backup.run", state=JobState.SUCCEEDED))
