"""The job that gives every backup a key slot for the recovery key, and what comes before it: naming the key."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from strongroom.catalog.jobs import Job
from strongroom.jobs.context import JobContext
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.jobs.progress import JobProgress
from strongroom.keyring.recovery import RecoveryKekProvider
from strongroom.repository.commit import Outcome, list_commits
from strongroom.repository.recovering import Extended, Extender, list_recipients, put_recipient
from strongroom.repository.retiring import list_tombstones
from strongroom.services import Services
from strongroom.storage.store import Store
from strongroom.upkeep.errors import NoRecoveryKeyError, RecoveryKeyExistsError


@dataclass(frozen=True, slots=True)
class ExtensionRequest:
    """Slots for the recovery keys that somebody asks for; `only` names the one whose slots alone shall stay."""

    only: str | None
    trace_id: str


def verify_no_recovery_key(services: Services) -> None:
    """Check that no recovery key is in use yet; raises RecoveryKeyExistsError."""
    found = list_recipients(services.open_repository(), _home(services))
    if found:
        raise RecoveryKeyExistsError(
            f"There is a recovery key already: {', '.join(one.current_version() for one in found)}.",
            next_step="If its paper is lost or was seen by somebody, make a new one with --replace.",
        )


def add_recovery_key(services: Services, recipient: RecoveryKekProvider) -> list[str]:
    """Name a recovery key in every region, so that backups made from now on have a slot for it.

    Returns the regions that did not answer; raises UnavailableError where the home region is one of them.
    """
    return sorted(put_recipient(services.open_repository(), services.stores, recipient))


def request_extension(services: Services, request: ExtensionRequest) -> Job:
    """Queue slots for every backup there is."""
    wanted = JobRequest(JobKind.EXTENSION_RUN, {"only": request.only}, request.trace_id, exclusion="extension")
    with services.catalog.begin() as session:
        return services.ledger.enqueue(session, wanted)


def run_extension(services: Services, context: JobContext) -> dict[str, Any]:
    """See to the slots of the root secret and of every live backup; a second run writes only what is missing.

    A region that does not answer is named in the result; its copies get their slots when they are repaired.
    Raises NoRecoveryKeyError.
    """
    repository, only = services.open_repository(), context.args["only"]
    recipients = tuple(
        one for one in list_recipients(repository, _home(services)) if only in {None, one.current_version()}
    )
    if not recipients:
        raise NoRecoveryKeyError(
            "The home region names no recovery key.", next_step="Make one: strongroom recovery-kit FILE"
        )
    extender = Extender(repository, services.stores, services.keks, recipients, only)
    counts, missed = Counter[str](), set[str]()
    _add(extender.extend_root(), counts, missed)
    retired = {tombstone.backup_id for tombstone in list_tombstones(repository, _home(services))}
    for record in list_commits(repository, _home(services)):
        context.check()
        if record.outcome is not Outcome.COMMIT or record.backup_id in retired:
            continue
        _add(extender.extend_backup(record), counts, missed)
        counts["backups"] += 1
        context.report(JobProgress(phase="wrapping", done_bytes=0, total_bytes=None, files=counts["backups"]))
    return {
        "keys": [one.current_version() for one in recipients],
        "backups": counts["backups"],
        "written": counts["written"],
        "removed": counts["removed"],
        "regions_missed": sorted(missed),
    }


def _home(services: Services) -> Store:
    return next(iter(services.stores.values()))


def _add(done: Extended, counts: "Counter[str]", missed: set[str]) -> None:
    counts["written"] += done.written
    counts["removed"] += done.removed
    missed.update(done.missed)
