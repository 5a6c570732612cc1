"""What a region should hold, backup by backup, and what was found of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from strongroom.catalog.region_verifications import Copy
from strongroom.errors import CannotDecryptError, IntegrityError, NotFoundError, StrongroomError
from strongroom.jobs.context import JobContext
from strongroom.keyring.provider import KekProvider
from strongroom.repository.access import Repository
from strongroom.repository.errors import UnknownVersionError
from strongroom.repository.head import ManifestHead
from strongroom.repository.layout import commit_key
from strongroom.repository.opening import get_committed, open_committed
from strongroom.storage.store import Evidence, Store

DAMAGE = (IntegrityError, NotFoundError, CannotDecryptError, UnknownVersionError)
"""What an object says of itself when it is missing or wrong; anything else is the region's or the key's fault."""


@dataclass(slots=True)
class Findings:
    """What a check of a region has seen: backups, objects, bytes, the weakest evidence, and the damage."""

    backups: int = 0
    objects: int = 0
    bytes: int = 0
    evidence: Evidence = Evidence.CHECKSUM
    damage: list[tuple[UUID, dict[str, Any]]] = field(default_factory=list)

    def blame(self, copy: Copy, key: str, error: StrongroomError) -> None:
        """Note an object that a backup needs and that is missing or wrong."""
        found = {"backup": str(copy.backup_id), "key": key, "code": error.code, "message": error.what}
        self.damage.append((copy.backup_id, found))


@dataclass(slots=True)
class Held:
    """A region's store and key, and the copies it should hold; opens one manifest at a time."""

    repository: Repository
    store: Store
    kek: KekProvider
    copies: Sequence[Copy]
    context: JobContext
    findings: Findings

    def heads(self) -> Iterator[tuple[Copy, ManifestHead]]:
        """Yield every copy whose manifest can be opened, oldest first; the others are blamed."""
        for copy in self.copies:
            self.findings.backups += 1
            head = self.open(copy)
            if head is not None:
                yield copy, head

    def open(self, copy: Copy) -> ManifestHead | None:
        """Read a copy's commit record, manifest and key slot; None, and a finding, where one is missing or wrong."""
        self.context.check()
        try:
            record = get_committed(self.repository, self.store, copy.source, copy.backup_id)
            return open_committed(self.repository, self.store, self.kek, record)
        except DAMAGE as error:
            key = str(error.details.get("key", commit_key(copy.source, copy.backup_id)))
            self.findings.blame(copy, key, error)
            return None
