"""The jobs that somebody goes on asking for while the storm lasts."""

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from strongroom.backup.kinds import RequestedKind
from strongroom.backup.requests import BackupRequest, VerificationRequest, request_backup, request_verification
from strongroom.backup.restore_requests import RestoreRequest, request_restore
from strongroom.backup.targets import FilesTargetRequest, PostgresTargetRequest, TargetRequest
from strongroom.catalog.backups import VerificationLevel
from strongroom.errors import UnavailableError
from strongroom.jobs.kinds import Queue
from strongroom.jobs.probing import probe_request
from tests.chaos.installation import DATABASE, REGIONS, TREES, Installation

SOURCES = (*TREES, DATABASE)
PATIENCE_SECONDS = 120.0

Request = Callable[[str], None]
"""Asks for one job under an idempotency key."""


@dataclass
class Load:
    """Asks for jobs; each has a key of its own, so that asking again after a lost answer asks for the same one."""

    site: Installation
    chance: random.Random
    settled: dict[str, uuid.UUID]
    """A backup of each source that is in every region since before the storm."""
    database: dict[str, Any]
    """What the database held then; a crash of the server may move its sequences on."""
    accepted: dict[uuid.UUID, str] = field(default_factory=dict)
    """Every job whose id was returned, with its kind."""
    restores: dict[uuid.UUID, tuple[str, TargetRequest]] = field(default_factory=dict)
    """Source and target of each restore."""

    def plan(self, jobs: int) -> list[Request]:
        """Return requests that come to about so many jobs: each backup brings two copies with it."""
        backups, restores, verifications = jobs // 5, jobs // 5, jobs // 10
        probes = jobs - 3 * backups - restores - verifications
        wanted = [self._some_backup() for _ in range(backups)] + [self._some_restore() for _ in range(restores)]
        wanted += [self._some_verification() for _ in range(verifications)]
        wanted += [partial(self._probe, self.chance.choice(list(Queue))) for _ in range(probes)]
        self.chance.shuffle(wanted)
        return wanted

    def ask(self, wanted: Request, number: int) -> None:
        """Ask until there is an answer."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                wanted(f"storm-{number}")
            except UnavailableError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.2)
            else:
                return

    def _some_backup(self) -> Request:
        source = self.chance.choice(SOURCES)
        kinds = [RequestedKind.FULL] if source == DATABASE else list(RequestedKind)
        return partial(self._backup, source, self.chance.choice(kinds))

    def _some_restore(self) -> Request:
        return partial(self._restore, self.chance.choice(SOURCES), self.chance.choice([None, *REGIONS]))

    def _some_verification(self) -> Request:
        level = self.chance.choice([VerificationLevel.PRESENCE, VerificationLevel.DATA])
        return partial(self._verify, self.chance.choice(SOURCES), self.chance.choice(REGIONS), level)

    def _backup(self, source: str, kind: RequestedKind, key: str) -> None:
        request = BackupRequest(source, kind, key, _trace())
        self._accept(request_backup(self.site.runtime.services(), request).id, "backup")

    def _restore(self, source: str, region: str | None, key: str) -> None:
        target: TargetRequest = FilesTargetRequest(self.site.directory / "restored" / key)
        if source == DATABASE:
            target = PostgresTargetRequest(DATABASE, key.replace("-", "_"))
        request = RestoreRequest(str(self.settled[source]), region, target, False, None, key, _trace())
        restore = request_restore(self.site.runtime.services(), request)
        self.restores[restore.id] = (source, target)
        self._accept(restore.id, "restore")

    def _verify(self, source: str, region: str, level: VerificationLevel, key: str) -> None:
        request = VerificationRequest(str(self.settled[source]), region, level, key, _trace())
        self._accept(request_verification(self.site.runtime.services(), request).id, "verification")

    def _probe(self, queue: Queue, key: str) -> None:
        ledger = self.site.runtime.ledger
        with ledger.catalog.begin() as session:
            job_id = ledger.enqueue(session, probe_request(queue, trace_id=_trace(), dedupe_key=key)).id
        self._accept(job_id, "probe")

    def _accept(self, job_id: uuid.UUID, kind: str) -> None:
        self.accepted[job_id] = kind


def _trace() -> str:
    return uuid.uuid4().hex
