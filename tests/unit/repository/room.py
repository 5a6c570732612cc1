"""A repository in memory with keys in a dictionary, and short ways to write and read backups in it."""

import itertools
import random
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.keyring.errors import KeyProviderUnavailableError, WrongKeyError
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey
from strongroom.repository.access import Repository, create_repository
from strongroom.repository.baseline import Baseline, Trust
from strongroom.repository.commit import CommitRecord
from strongroom.repository.reader import BackupReader
from strongroom.repository.reference import open_parent
from strongroom.repository.writer import BackupIdentity, BackupSummary, BackupWriter, WriteProgress, WriterOptions
from strongroom.storage.store import Store
from strongroom.testing.stores import MemoryStore
from strongroom.tree.content import Item, Step, Walk
from strongroom.tree.entry import Entry, Hole, Run

REGIONS = ("home", "north", "south")
SMALL_PACKS = WriterOptions(pack_bytes=256 * 1024)


class SteadyClock:
    """Time that moves on by a second with every look."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self._ticks = itertools.count()

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def monotonic(self) -> float:
        return float(next(self._ticks))

    def sleep(self, seconds: float) -> None:
        assert seconds < 1


class MemoryKek:
    """A KEK in memory; `up` is False while its service does not answer."""

    name = "memory"

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).randbytes
        self._cipher = AESGCM(self._random(32))
        self.up = True
        self.version = "v1"

    def current_version(self) -> str:
        return self.version

    def generate(self, context: Mapping[str, str]) -> tuple[SecretKey, WrappedKey]:
        key = SecretKey(self._random(32))
        return key, self.wrap(key, context)

    def wrap(self, key: SecretKey, context: Mapping[str, str]) -> WrappedKey:
        self._answer()
        nonce = self._random(12)
        return WrappedKey(self.name, self.version, nonce + self._cipher.encrypt(nonce, key.reveal(), _aad(context)))

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> SecretKey:
        self._answer()
        try:
            return SecretKey(self._cipher.decrypt(wrapped.ciphertext[:12], wrapped.ciphertext[12:], _aad(context)))
        except (InvalidTag, ValueError):
            raise WrongKeyError("The key does not fit.", next_step="Use another.") from None

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        return self.wrap(self.unwrap(wrapped, context), context)

    def _answer(self) -> None:
        if not self.up:
            raise KeyProviderUnavailableError("The key service is away.", next_step="Wait.")


def _aad(context: Mapping[str, str]) -> bytes:
    return repr(sorted(context.items())).encode()


@dataclass
class Room:
    """Three regions in memory, their KEKs, and a repository in them."""

    seed: int = 1
    clock: SteadyClock = field(default_factory=SteadyClock)

    def __post_init__(self) -> None:
        self.random: Callable[[int], bytes] = random.Random(self.seed).randbytes
        self.stores = {name: MemoryStore(name) for name in REGIONS}
        self.keks = {name: MemoryKek(f"{self.seed}:{name}") for name in REGIONS}
        self.repository: Repository = create_repository(
            dict(self.stores), self.all_keks(), clock=self.clock, random=self.random
        )

    @property
    def home(self) -> MemoryStore:
        return self.stores["home"]

    def all_keks(self) -> dict[str, KekProvider]:
        return dict(self.keks)

    def identity(self, backup_id: uuid.UUID | None = None, parent_id: uuid.UUID | None = None) -> BackupIdentity:
        return BackupIdentity(
            source="db",
            source_kind="files",
            backup_id=backup_id or uuid.UUID(bytes=self.random(16)),
            session_id=uuid.UUID(bytes=self.random(16)),
            kind="incremental" if parent_id else "full",
            policy="critical-data",
            parent_id=parent_id,
            worker="worker-1",
        )

    def writer(
        self,
        identity: BackupIdentity,
        store: Store | None = None,
        options: WriterOptions = SMALL_PACKS,
        on_progress: Callable[[WriteProgress], None] = lambda _: None,
    ) -> BackupWriter:
        return BackupWriter(
            self.repository,
            store or self.home,
            self.all_keks(),
            identity,
            options=options,
            clock=self.clock,
            random=self.random,
            on_progress=on_progress,
        )

    def back_up(
        self, walk: Walk, identity: BackupIdentity | None = None, options: WriterOptions = SMALL_PACKS
    ) -> "Finished":
        identity = identity or self.identity()
        with self.writer(identity, options=options) as writer:
            writer.begin()
            writer.write(walk)
            summary = writer.seal()
            return Finished(identity, summary, writer.commit())

    def back_up_upon(
        self,
        parent: "Finished",
        walk: Walk,
        *,
        store: Store | None = None,
        trust: Trust | None = None,
        options: WriterOptions = SMALL_PACKS,
    ) -> "Finished":
        store = store or self.home
        identity = self.identity(parent_id=parent.backup_id)
        with self.writer(identity, store, options=options) as writer:
            writer.begin()
            reference = open_parent(self.repository, store, self.keks["home"], "db", parent.backup_id)
            writer.write(walk, Baseline(store, self.repository.repo_id, [reference], trust=trust))
            summary = writer.seal()
            return Finished(identity, summary, writer.commit())

    def reader(self, backup_id: uuid.UUID, region: str = "home", kek: KekProvider | None = None) -> BackupReader:
        return BackupReader(self.repository, self.stores[region], kek or self.keks[region], "db", backup_id)


@dataclass(frozen=True)
class Finished:
    identity: BackupIdentity
    summary: BackupSummary
    record: CommitRecord

    @property
    def backup_id(self) -> uuid.UUID:
        return self.identity.backup_id


def entries_of(steps: Iterable[Step]) -> dict[bytes, Entry]:
    """Return the entries that are not directories by name."""
    return {step.entry.name: step.entry for step in steps if isinstance(step, Item)}


def contents(reader: BackupReader) -> dict[bytes, bytes]:
    """Read every file of a backup by pieces, holes filled with zeros."""
    entries = list(entries_of(reader.walk()).values())
    whole = [bytearray(entry.size) for entry in entries]
    for piece in itertools.chain.from_iterable(reader.hand_out(enumerate(entries), list)):
        whole[piece.token][piece.offset : piece.offset + len(piece.data)] = piece.data
    return {entry.name: bytes(data) for entry, data in zip(entries, whole, strict=True)}


def runs(entry: Entry) -> list[Run]:
    return [extent for extent in entry.extents if not isinstance(extent, Hole)]
