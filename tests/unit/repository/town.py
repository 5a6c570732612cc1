"""A town of actors who share one region: they back up, expire, shred, abort, collect and die, one call at a time.

The real code runs, each actor in a thread of its own; a seeded scheduler lets exactly one of them make its next call to
the store. What must never happen is noticed at the call that does it.
"""

import random
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from strongroom.errors import StrongroomError
from strongroom.repository.cleaning import discard_session
from strongroom.repository.collection import apply_collection, plan_collection
from strongroom.repository.commit import CommitRecord, Outcome, abort_session, create_commit
from strongroom.repository.datakey import make_data_key
from strongroom.repository.errors import CollectionBlockedError
from strongroom.repository.head import ManifestHead, PackRef
from strongroom.repository.layout import backup_slots, commit_key, manifest_key, pack_key, session_key
from strongroom.repository.objects import put_object
from strongroom.repository.opening import get_committed, open_committed
from strongroom.repository.records import RecordType
from strongroom.repository.retiring import is_retired, retire_backup
from strongroom.repository.sealing import seal_backup
from strongroom.repository.session import BackupIdentity, put_session, verify_pinned
from strongroom.repository.shredding import (
    MOST_NAMED,
    Receipt,
    destroy_slots,
    list_slots,
    put_receipt,
    region_receipt,
)
from strongroom.retention.candidates import Block, Candidate
from strongroom.retention.engine import Rules, plan_source
from strongroom.retention.terms import Terms
from strongroom.storage.store import Body, Capabilities, Evidence, ObjectInfo
from strongroom.testing.stores import MemoryStore
from tests.unit.repository.room import Room

MOST_LIVE = 3
RUNS = (1, 1, 5, 20, 100)
WORKERS = 3
DEATHS = 0.0005


class Died(BaseException):
    """The actor's process is gone; nothing of it runs any more."""


@dataclass
class Catalog:
    """What the real catalog knows: which backups are committed, which are being made, and from which parent."""

    committed: dict[uuid.UUID, BackupIdentity] = field(default_factory=dict)
    running: dict[uuid.UUID, BackupIdentity] = field(default_factory=dict)
    attempts: dict[uuid.UUID, list[uuid.UUID]] = field(default_factory=dict)
    uploaded: dict[uuid.UUID, list[PackRef]] = field(default_factory=dict)
    """What dead attempts of a backup have stored: its next attempt goes on from there."""
    pins: bool = True
    order: list[uuid.UUID] = field(default_factory=list)
    """Every backup in the order of its beginning, which stands for its time."""
    held: set[uuid.UUID] = field(default_factory=set)
    proven: set[uuid.UUID] = field(default_factory=set)
    expired: dict[uuid.UUID, BackupIdentity] = field(default_factory=dict)
    """What was decided to go and has no receipt yet: whoever died over it, the next one goes on."""

    def pinned(self) -> set[uuid.UUID | None]:
        return {identity.parent_id for identity in self.running.values()} if self.pins else set()

    def candidates(self) -> list[Candidate]:
        pinned, begun = self.pinned(), datetime(2026, 1, 1, tzinfo=UTC)
        return [
            Candidate(
                key,
                begun + timedelta(hours=self.order.index(key)),
                full=identity.parent_id is None,
                restorable=True,
                proven=key in self.proven,
                held=key in self.held,
                blocks=(Block.PINNED,) if key in pinned else (),
            )
            for key, identity in self.committed.items()
        ]

    def untouchable(self) -> set[uuid.UUID | None]:
        """Return what may not be retired now, found another way than the policy engine does."""
        newest_first = [key for key in reversed(self.order) if key in self.committed]
        last_proven = [key for key in newest_first if key in self.proven][:1]
        return {*self.pinned(), *self.held, *last_proven, *newest_first[:MOST_LIVE]}


class TownStore(MemoryStore):
    """The region: every call waits for its turn, and deletions of what is needed are noticed."""

    def __init__(self, town: "Town") -> None:
        super().__init__("home")
        self._town = town
        self.needed: dict[str, set[str]] = {}
        """The objects of every live backup, by the key of its commit record."""
        self.promised: dict[str, set[str]] = {}
        self.deleted = 0

    def put(self, key: str, body: Body, *, sha256: bytes) -> None:
        self._town.turn()
        super().put(key, body, sha256=sha256)

    def create(self, key: str, body: Body, *, sha256: bytes) -> None:
        self._town.turn()
        super().create(key, body, sha256=sha256)
        if key.startswith("x/"):
            self.needed.pop(key.replace("x/", "c/", 1), None)
        if key.startswith("e/"):
            self._town.notice_receipt(key)
        if key in self.promised and b'"outcome":"commit"' in bytes(body):
            self.needed[key] = self.promised[key] | {key}
            self._town.notice(self.needed[key] - self.objects.keys())

    def get(self, key: str) -> bytes:
        self._town.turn()
        return super().get(key)

    def find(self, key: str) -> ObjectInfo | None:
        self._town.turn()
        return super().find(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self._town.turn()
        return super().list(prefix)

    def delete(self, key: str) -> None:
        self._town.turn()
        self.deleted += key.startswith("p/") and key in self.objects
        super().delete(key)
        self._town.notice({key for objects in self.needed.values() if key in objects})

    def confirm(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        raise NotImplementedError

    def probe(self) -> Capabilities:
        raise NotImplementedError


def collect(room: Room, store: TownStore) -> None:
    """Collect as the product does."""
    plan = plan_collection(room.repository, store, room.keks["home"], on_progress=lambda: None)
    apply_collection(room.repository, store, room.keks["home"], plan, on_progress=lambda: None)


class Town:
    """Actors, their region and what they know; `run` makes so many steps and returns the violations it saw."""

    def __init__(
        self,
        seed: int,
        *,
        collect: Callable[[Room, TownStore], None] = collect,
        collectors: int = 1,
        pins: bool = True,
    ) -> None:
        self.chance = random.Random(seed)
        self.room = Room(seed)
        self.store = TownStore(self)
        self.store.objects.update(self.room.home.objects)
        self.catalog = Catalog(pins=pins)
        self.violations: list[str] = []
        self.steps = 0
        self.commits = 0
        self.blocked = 0
        self.receipts = 0
        self.sessions: dict[uuid.UUID, uuid.UUID] = {}
        """The session whose commit record counts, by backup."""
        self._collector = collect
        self._turns: dict[threading.Thread, threading.Semaphore] = {}
        self._done = threading.Semaphore(0)
        self._over = False
        roles = [*[self._back_up] * WORKERS, *[self._collect] * collectors, self._expire, self._abort, self._keep]
        for role in roles:
            thread = threading.Thread(target=self._live, args=(role,), daemon=True)
            self._turns[thread] = threading.Semaphore(0)
            thread.start()

    def run(self, steps: int) -> list[str]:
        """Let the actors make so many calls in a random order, then stop them."""
        threads = list(self._turns)
        while self.steps < steps and not self._over:
            # In runs, so that any of them may seem to sleep while another does a whole piece of work.
            actor = self._turns[self.chance.choice(threads)]
            for _ in range(self.chance.choice(RUNS)):
                if self._over:
                    break
                self.steps += 1
                actor.release()
                self._done.acquire()
        self._over = True
        for thread in threads:
            self._turns[thread].release()
            thread.join()
        return self.violations

    def turn(self) -> None:
        """Wait until it is this actor's turn; the one who had it gives it back. May be the end of the actor."""
        self._done.release()
        self._turns[threading.current_thread()].acquire()
        if self._over or self.chance.random() < DEATHS:
            raise Died

    def notice(self, lost: set[str]) -> None:
        """Write down that a live backup lacks something."""
        self.violations.extend(sorted(lost))

    def notice_receipt(self, key: str) -> None:
        """Write down a receipt of a backup that has no tombstone, or of which a committed attempt still has a key."""
        self.receipts += 1
        backup = key.rpartition("/")[2]
        owner = self.sessions.get(uuid.UUID(backup))
        left = [found for found in self.store.objects if owner and found.startswith(f"keys/{backup}/{owner.hex}")]
        if key.replace("e/", "x/", 1) not in self.store.objects:
            left.append(key)
        self.notice(set(left))

    def _live(self, role: Callable[[], None]) -> None:
        self._turns[threading.current_thread()].acquire()
        while not self._over:
            try:
                role()
                self.turn()
            except (Died, StrongroomError):
                continue
            except Exception as error:  # noqa: BLE001 - the test shows whatever it was
                # A thread that ends would leave the scheduler waiting for its answer.
                self.violations.append(repr(error))
                self._over = True
        self._done.release()

    def _collect(self) -> None:
        try:
            self._collector(self.room, self.store)
        except CollectionBlockedError:
            self.blocked += 1

    def _expire(self) -> None:
        """Do what a sweep does: finish what was decided before, decide with the real engine, carry it out."""
        self.turn()
        for identity in list(self.catalog.expired.values()):
            self._carry_out(identity)
        terms = Terms(0, keep_last=MOST_LIVE, keep_daily=self.chance.randint(0, 2))
        untouchable = self.catalog.untouchable()
        now = datetime(2027, 1, 1, tzinfo=UTC)
        for decision in plan_source(self.catalog.candidates(), Rules(terms, None, 1.0), now):
            if decision.goes:
                key = decision.candidate.id
                self.notice({f"expired {key}"} if key in untouchable else set())
                # One transaction: nobody else acts between the decision and the row that says so.
                self.catalog.expired[key] = self.catalog.committed.pop(key)
        for identity in list(self.catalog.expired.values()):
            self._carry_out(identity)

    def _carry_out(self, identity: BackupIdentity) -> None:
        repository, clock, key = self.room.repository, self.room.clock, identity.backup_id
        retire_backup(repository, self.store, identity.source, key, reason="old", clock=clock)
        slots = list_slots(self.store, key)
        if destroy_slots(self.store, key) is not None:
            raise AssertionError("nothing is locked here")
        gone = region_receipt("home", clock.now(), slots, MOST_NAMED)
        receipt = Receipt(repository.repo_id, identity.source, key, "p", "old", clock.now(), (gone,))
        signed = repository.sign(RecordType.RECEIPT, receipt)
        put_receipt(repository, self.store, (receipt.source, receipt.backup_id), signed)
        self.catalog.expired.pop(key, None)

    def _keep(self) -> None:
        """Hold backups, release them, and prove them."""
        for _ in range(10):
            self.turn()
        for chosen in (self.catalog.held, self.catalog.proven):
            if self.catalog.committed and self.chance.random() < 0.5:
                chosen.add(self.chance.choice(list(self.catalog.committed)))
        if self.catalog.held and self.chance.random() < 0.6:
            self.catalog.held.discard(self.chance.choice(sorted(self.catalog.held)))

    def _abort(self) -> None:
        """Give a backup up, whether its worker is dead or only slow."""
        for _ in range(20):
            self.turn()
        if not self.catalog.running:
            return
        identity = self.chance.choice(list(self.catalog.running.values()))
        record = abort_session(self.room.repository, self.store, identity, reason="silent", clock=self.room.clock)
        self._settle(identity, record)
        if record.outcome is Outcome.ABORT:
            for session in self.catalog.attempts[identity.backup_id]:
                discard_session(self.store, identity.source, identity.backup_id, session)

    def _settle(self, identity: BackupIdentity, record: CommitRecord) -> None:
        if self.catalog.running.pop(identity.backup_id, None) and record.outcome is Outcome.COMMIT:
            self.catalog.committed[identity.backup_id] = identity
            self.sessions[identity.backup_id] = record.session_id

    def _back_up(self) -> None:
        self.turn()
        identity = self._begin()
        self.catalog.attempts.setdefault(identity.backup_id, []).append(identity.session_id)
        put_session(self.room.repository, self.store, identity, self.room.clock)
        packs = [*self._of_parent(identity), *self.catalog.uploaded.get(identity.backup_id, [])]
        for _ in range(self.chance.randint(1, 3)):
            packs.append(self._store_pack(identity))
        head = _head(self.room, identity, packs)
        keks = {"home": self.room.keks["home"]}
        data_key = make_data_key(head.repo, identity, keks)
        sealed = seal_backup(self.room.repository, self.store, keks, head, data_key)
        verify_pinned(self.store, identity.session_id)
        self._promise(identity, head)
        record = CommitRecord(
            Outcome.COMMIT, head.repo, head.source, head.backup_id, head.session_id, head.kind, head.created_at,
            head.created_at, sealed.sha256, sealed.size,
        )  # fmt: skip
        create_commit(self.room.repository, self.store, record)
        self.commits += 1
        self._settle(identity, record)

    def _begin(self) -> BackupIdentity:
        """Begin a backup, or an attempt at one whose worker is believed dead."""
        if self.catalog.running and self.chance.random() < 0.3:
            earlier = self.chance.choice(list(self.catalog.running.values()))
            return replace(earlier, session_id=self.room.identity().session_id)
        parents = [None, *self.catalog.committed]
        identity = replace(self.room.identity(), parent_id=self.chance.choice(parents))
        self.catalog.running[identity.backup_id] = identity
        self.catalog.order.append(identity.backup_id)
        return identity

    def _of_parent(self, identity: BackupIdentity) -> list[PackRef]:
        if identity.parent_id is None:
            return []
        if is_retired(self.store, identity.source, identity.parent_id):
            return []
        record = get_committed(self.room.repository, self.store, identity.source, identity.parent_id)
        head = open_committed(self.room.repository, self.store, self.room.keks["home"], record)
        return self.chance.sample(list(head.packs), self.chance.randint(0, len(head.packs)))

    def _store_pack(self, identity: BackupIdentity) -> PackRef:
        body = self.room.random(32)
        put_object(self.store, pack_key(identity.session_id, body), b"pack")
        ref = PackRef(0, identity.session_id.bytes, body, 4, bytes(32))
        self.catalog.uploaded.setdefault(identity.backup_id, []).append(ref)
        return ref

    def _promise(self, identity: BackupIdentity, head: ManifestHead) -> None:
        """Say what the backup will need from the moment its commit record is there."""
        prefix = backup_slots(identity.backup_id, identity.session_id)
        sessions = {identity.session_id, *(pack.session_id for pack in head.packs)}
        self.store.promised[commit_key(identity.source, identity.backup_id)] = {
            manifest_key(identity.source, identity.backup_id, identity.session_id),
            f"{prefix}home.v1",
            *(pack_key(pack.session_id, pack.sha256) for pack in head.packs),
            *map(session_key, sessions),
        }


def _head(room: Room, identity: BackupIdentity, packs: list[PackRef]) -> ManifestHead:
    return ManifestHead(
        repo=room.repository.repo_id, source=identity.source, source_kind="files", backup_id=identity.backup_id,
        session_id=identity.session_id, kind="full", policy="p", parent_id=identity.parent_id,
        created_at=room.clock.now(), entries=0, files=0, source_bytes=0, stored_bytes=0, reused_bytes=0,
        problem_count=0, problems=(), facts={},
        packs=tuple(PackRef(at, p.session, p.sha256, p.size, p.key) for at, p in enumerate(packs)),
    )  # fmt: skip


def main(towns: int = 30, steps: int = 4000) -> int:
    """Run many towns with up to three collectors and print what was seen: the long version of the test."""
    seen = dict.fromkeys(("steps", "commits", "packs deleted", "receipts", "violations"), 0)
    for seed in range(towns):
        town = Town(seed, collectors=1 + seed % 3)
        seen["violations"] += len(town.run(steps))
        seen["steps"] += town.steps
        seen["commits"] += town.commits
        seen["packs deleted"] += town.store.deleted
        seen["receipts"] += town.receipts
    print(", ".join(f"{count:,} {what}" for what, count in seen.items()))
    return 1 if seen["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
