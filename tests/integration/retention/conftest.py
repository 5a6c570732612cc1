"""The installation that the tests of backups use."""

from datetime import timedelta

from sqlalchemy import update

from strongroom.catalog.backups import Backup
from strongroom.catalog.jobs import Job
from strongroom.catalog.retention import Expiry
from strongroom.retention.planning import SourcePlan, make_plan
from strongroom.retention.sweeping import SweepRequest, request_sweep
from strongroom.services import Services
from tests.integration.backup.conftest import TRACE, House, house, in_a_process_that_dies, small_house

__all__ = ["House", "house", "in_a_process_that_dies", "small_house"]


def aged(house: House, job: Job, days: float) -> None:
    """Have the catalog say that a backup is so many days old."""
    made = house.services.clock.now() - timedelta(days=days)
    with house.services.catalog.begin() as session:
        session.execute(update(Backup).where(Backup.id == job.id).values(created_at=made))


def request(
    apply: bool = True, source: str | None = None, share: int | None = 100, confirm: str | None = None
) -> SweepRequest:
    return SweepRequest(apply, source, share, confirm, "anna", None, TRACE)


def swept(house: House, services: Services | None = None, *, apply: bool = True, share: int | None = 100) -> Job:
    """Run one sweep of the source, which is confirmed."""
    wanted = request(apply=apply, source="tree", share=share, confirm="tree")
    return house.run(request_sweep(house.services, wanted), services)


def result(job: Job) -> dict[str, object]:
    assert job.result is not None, job.last_error
    return job.result


def plan(house: House) -> SourcePlan:
    (only,) = make_plan(house.services)
    return only


def expiry(house: House, backup_id: object) -> Expiry:
    with house.services.catalog.read() as session:
        return session.get_one(Expiry, backup_id)
