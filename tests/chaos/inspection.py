"""After the storm: is every job over, and do buckets, catalog and restored copies say the same?"""

import uuid
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from strongroom.backup.targets import FilesTargetRequest
from strongroom.catalog.backups import Backup, BackupState, Replica, ReplicaState, Verification
from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.repository.check import check_data
from strongroom.repository.commit import Outcome, list_commits
from strongroom.repository.reader import BackupReader
from tests.chaos.installation import Installation
from tests.chaos.load import Load
from tests.e2e.databases import content


def jobs(site: Installation) -> list[Job]:
    """Return every job of the ledger."""
    with site.runtime.catalog.read() as session:
        return list(session.scalars(select(Job).order_by(Job.id)))


def unfinished(site: Installation) -> list[Job]:
    """Return the jobs that are not over."""
    return [job for job in jobs(site) if job.state not in FINAL_STATES]


def lost(site: Installation, load: Load) -> list[str]:
    """Return the jobs that were accepted and are not there, or not over."""
    states = {job.id: job.state for job in jobs(site)}
    wanted = set(load.accepted) | set(states)
    gone = [job_id for job_id in wanted if states.get(job_id) not in FINAL_STATES]
    return [f"{load.accepted.get(job_id, 'job')} {job_id} is {states.get(job_id, 'gone')}" for job_id in gone]


def unsuccessful(site: Installation) -> list[str]:
    """Return the jobs that ended in another way than well; no weather is a reason for that."""
    ended = [job for job in jobs(site) if job.state in FINAL_STATES and job.state is not JobState.SUCCEEDED]
    return [f"{job.kind} {job.id} {job.state}: {(job.last_error or {}).get('message')}" for job in ended]


def disagreements(site: Installation, load: Load) -> Iterator[str]:
    """Yield every point in which buckets, catalog and restored copies differ."""
    yield from _commits(site)
    yield from _contents(site)
    yield from _damage(site)
    yield from _restores(site, load)


def _commits(site: Installation) -> Iterator[str]:
    """Compare the backups that each bucket holds with those that the catalog says it holds."""
    repository = site.runtime.repository()
    with site.runtime.catalog.read() as session:
        known = {backup.id for backup in session.scalars(select(Backup)) if backup.state is BackupState.COMMITTED}
        present = {(r.backup_id, r.region) for r in session.scalars(select(Replica)) if r.state is ReplicaState.PRESENT}
    for region, store in site.stores().items():
        records = [record for record in list_commits(repository, store) if record.outcome is Outcome.COMMIT]
        held = {record.backup_id for record in records}
        yield from (f"backup {one} lies in {region} and not in the catalog" for one in held - known)
        yield from (f"backup {one} is not in {region}" for one in known - held)
        listed = {backup_id for backup_id, where in present if where == region}
        yield from (f"the catalog does not know that backup {one} is in {region}" for one in held - listed)


def _contents(site: Installation) -> Iterator[str]:
    """Read every byte of every backup in every region."""
    runtime = site.runtime
    with runtime.catalog.read() as session:
        backups = [backup for backup in session.scalars(select(Backup)) if backup.state is BackupState.COMMITTED]
    for backup in backups:
        for region, store in site.stores().items():
            reader = BackupReader(runtime.repository(), store, runtime.keks[region], backup.source, backup.id)
            report = check_data(reader, on_progress=lambda _done, _total: None)
            yield from (f"backup {backup.id} in {region}: {damage.message}" for damage in report.damage)


def _damage(site: Installation) -> Iterator[str]:
    with site.runtime.catalog.read() as session:
        found = session.scalars(select(Verification).where(Verification.passed.is_(False))).all()
    yield from (f"a verification found damage in {one.region}: {one.damage}" for one in found)


def _restores(site: Installation, load: Load) -> Iterator[str]:
    """Compare everything that was restored with its source, which nobody changed."""
    succeeded = {job.id for job in jobs(site) if job.state is JobState.SUCCEEDED}
    for job_id, (source, target) in load.restores.items():
        if job_id in succeeded and not _is_equal(site, source, target, load.database):
            yield f"restore {job_id} of {source} is not equal to its source"


def _is_equal(site: Installation, source: str, target: object, database: object) -> bool:
    if isinstance(target, FilesTargetRequest):
        return _files(target.path) == _files(site.directory / "sources" / source)
    return content(site.postgres, getattr(target, "dbname", "")) == database


def _files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def missing_copies(site: Installation) -> Iterator[str]:
    """Yield the copies that the policies want and the catalog does not have."""
    with site.runtime.catalog.read() as session:
        present = {(r.backup_id, r.region) for r in session.scalars(select(Replica)) if r.state is ReplicaState.PRESENT}
        for backup in session.scalars(select(Backup).where(Backup.state == BackupState.COMMITTED)):
            yield from (f"{backup.id} in {region}" for region in backup.regions if (backup.id, region) not in present)


def settled_backups(site: Installation) -> dict[str, uuid.UUID]:
    """Return the first backup of each source that every region holds."""
    with site.runtime.catalog.read() as session:
        protected = session.scalars(select(Backup).where(Backup.protected_at.is_not(None)).order_by(Backup.id.desc()))
        return {backup.source: backup.id for backup in protected}
