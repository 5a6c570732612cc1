"""One object of every kind, in repositories whose backups and sessions have the same ids, and the way each is read."""

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from strongroom.repository.access import open_repository
from strongroom.repository.baseline import Baseline
from strongroom.repository.checkpoint import CheckpointPlace, open_checkpoint
from strongroom.repository.commit import abort_session, find_commit
from strongroom.repository.head import ManifestHead, PackRef
from strongroom.repository.layout import (
    REPOSITORY_KEY,
    ROOT_SLOTS,
    backup_slots,
    checkpoint_key,
    checkpoint_prefix,
    commit_key,
    manifest_key,
    pack_key,
    session_key,
    tombstone_key,
)
from strongroom.repository.manifest import open_manifest
from strongroom.repository.opening import verify_slot
from strongroom.repository.pack import OpenPack
from strongroom.repository.reference import open_parent
from strongroom.repository.retiring import list_tombstones, retire_backup
from strongroom.repository.session import BackupIdentity, get_session
from strongroom.repository.slots import open_first, read_slots
from strongroom.repository.writer import WriterOptions
from strongroom.testing.stores import MemoryStore
from strongroom.tree.content import Item
from tests.unit.repository.room import Finished, Room
from tests.unit.repository.trees import MemoryWalk, file, within

EACH_A_PACK = WriterOptions(pack_bytes=1, workers=1, uploads=1)
FULL, CHILD, AGAIN, RETIRED, ABORTED, DEAD = (uuid.UUID(int=number, version=4) for number in range(201, 207))
LARGE_FILES = 20


@dataclass(frozen=True)
class Exhibit:
    """Stored bytes of one kind, the name of whose they are, and how they are read; reading returns what they say."""

    kind: str
    name: str
    raw: bytes = field(repr=False)
    read: Callable[[bytes], object] = field(repr=False)


@dataclass
class Museum:
    """A repository with full, incremental, retired, aborted and dead backups; every chunk lies in a pack of its own."""

    name: str
    seed: int

    def __post_init__(self) -> None:
        self.room = Room(self.seed)
        self.made: dict[uuid.UUID, Finished] = {}
        self.full = self._back_up(FULL, files())
        self.child = self._back_up(CHILD, [*files(), file(b"new", b"of the child")], FULL)
        self.again = self._back_up(AGAIN, files())
        self.retired = self._back_up(RETIRED, [file(b"old", b"unwanted")])
        self._end_two()
        self.dead = self._identity(DEAD)
        with self.room.writer(self.dead, options=EACH_A_PACK) as writer:
            writer.begin()
            writer.write(MemoryWalk(*files()))

    def exhibits(self) -> Iterator[Exhibit]:
        """Yield one or more of every kind."""
        yield from self._packs()
        yield from (self._manifest(made) for made in (self.full, self.child, self.again))
        yield from self._records()
        yield from self._checkpoints()

    def head(self, made: Finished) -> ManifestHead:
        return self.room.reader(made.backup_id).head

    def _packs(self) -> Iterator[Exhibit]:
        full, again = self.head(self.full), self.head(self.again)
        table = next(pack for pack in full.packs if pack.ordinal == full.tables[0].pack)
        tree = next(pack for pack in full.packs if pack.ordinal == full.tree[0].pack)
        chosen = {"first": full.packs[0], "second": full.packs[1], "tree": tree, "table": table}
        for name, pack in {**chosen, "twin": again.packs[0]}.items():
            yield Exhibit(
                "pack", f"{self.name} {name}", self._raw(pack_key(pack.session_id, pack.sha256)), self._open(pack)
            )

    def _open(self, pack: PackRef) -> Callable[[bytes], object]:
        ids = (self.room.repository.repo_id, pack.session_id)

        def read(raw: bytes) -> list[bytes]:
            opened = OpenPack(raw, pack.key, ids=ids)
            return [opened.read(number) for number in range(len(opened.rows))]

        return read

    def _manifest(self, made: Finished) -> Exhibit:
        room, identity = self.room, made.identity
        _, data_key = open_first(
            read_slots(room.home, backup_slots(identity.backup_id, identity.session_id), self.slot_of(identity)),
            room.keks["home"],
            "the backup",
        )
        return Exhibit(
            "manifest",
            f"{self.name} {identity.backup_id}",
            self._raw(manifest_key("db", identity.backup_id, identity.session_id)),
            lambda raw: open_manifest(room.repository, data_key, raw, identity.backup_id, identity.session_id),
        )

    def _records(self) -> Iterator[Exhibit]:
        repository, home = self.room.repository, self.room.keks["home"]
        for backup_id in (FULL, CHILD, ABORTED):
            yield self._lying(
                "commit", commit_key("db", backup_id), lambda s, one=backup_id: find_commit(repository, s, "db", one)
            )
        for backup_id in (RETIRED, AGAIN):
            yield self._lying(
                "tombstone", tombstone_key("db", backup_id), lambda s: list(list_tombstones(repository, s))
            )
        for identity in (self.full.identity, self.child.identity):
            one = identity.session_id
            yield self._lying("session", session_key(one), lambda s, one=one: get_session(repository, s, one))
        for identity in (self.full.identity, self.child.identity):
            prefix = backup_slots(identity.backup_id, identity.session_id)
            yield self._lying(
                "slot",
                f"{prefix}home.v1",
                lambda s, prefix=prefix, one=identity: open_first(read_slots(s, prefix, self.slot_of(one)), home, "it"),
            )
        root, record = f"{ROOT_SLOTS}home.v1", REPOSITORY_KEY
        yield self._lying("root slot", root, lambda s: open_repository(s, home).repo_id, record)
        yield self._lying("repository", record, lambda s: open_repository(s, home).repo_id, root)

    def _checkpoints(self) -> Iterator[Exhibit]:
        room, dead = self.room, self.dead
        slots = read_slots(room.home, backup_slots(DEAD, dead.session_id), self.slot_of(dead))
        _, data_key = open_first(slots, room.keks["home"], "the session")
        place = CheckpointPlace(room.repository.repo_id, DEAD, dead.session_id)
        for number in range(min(4, len(list(room.home.list(checkpoint_prefix(dead.session_id)))))):
            yield Exhibit(
                "checkpoint",
                f"{self.name} {number}",
                self._raw(checkpoint_key(dead.session_id, number)),
                lambda raw, number=number: open_checkpoint(place, data_key, raw, number),
            )

    def _lying(self, kind: str, key: str, read: Callable[[MemoryStore], object], *beside: str) -> Exhibit:
        """Return an object that is read from where it lies in a region, with others beside it."""
        store = MemoryStore("home")
        store.objects.update({other: self._raw(other) for other in beside})

        def read_there(raw: bytes) -> object:
            store.objects[key] = raw
            return read(store)

        return Exhibit(kind, f"{self.name} {key}", self._raw(key), read_there)

    def slot_of(self, identity: BackupIdentity) -> Callable[[bytes], object]:
        return lambda raw: verify_slot(self.room.repository, identity, raw)

    def _raw(self, key: str) -> bytes:
        return self.room.home.objects[key]

    def _identity(self, backup_id: uuid.UUID, parent_id: uuid.UUID | None = None) -> BackupIdentity:
        """Return an identity whose session has the same id in every repository."""
        made = self.room.identity(backup_id, parent_id)
        return dataclasses.replace(made, session_id=uuid.uuid5(backup_id, "session"))

    def _back_up(self, backup_id: uuid.UUID, steps: list[Item], parent_id: uuid.UUID | None = None) -> Finished:
        room, identity = self.room, self._identity(backup_id, parent_id)
        with room.writer(identity, options=EACH_A_PACK) as writer:
            writer.begin()
            references = []
            if parent_id is not None:
                references.append(open_parent(room.repository, room.home, room.keks["home"], "db", parent_id))
            writer.write(MemoryWalk(*steps), Baseline(room.home, room.repository.repo_id, references))
            return Finished(identity, writer.seal(), writer.commit())

    def _end_two(self) -> None:
        room = self.room
        for backup_id in (RETIRED, AGAIN):
            retire_backup(room.repository, room.home, "db", backup_id, reason="too old", clock=room.clock)
        identity = self._identity(ABORTED)
        abort_session(room.repository, room.home, identity, reason="too slow", clock=room.clock)


def files() -> list[Item]:
    """Return files that compress to next to nothing, each larger than a bundle, and so each a chunk of its own."""
    large = [file(b"%02d" % number, bytes([number + 1]) * 600_000) for number in range(LARGE_FILES)]
    return [*large, *within(b"z", file(b"small", b"text"))]
