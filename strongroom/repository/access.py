"""The repository itself: its identity and root secret, how it is made, and how it is opened."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from cryptography.exceptions import InvalidSignature

from strongroom.clock import Clock, RandomBytes
from strongroom.errors import UnavailableError
from strongroom.ids import new_id
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.recovery import RecoveryKekProvider
from strongroom.keyring.secret import SecretKey
from strongroom.repository import root
from strongroom.repository.errors import RepositoryConflictError, RepositoryNotFoundError, TamperedError, WrongKeyError
from strongroom.repository.layout import RECOVERY, REPOSITORY_KEY, ROOT_SLOTS, slot_key
from strongroom.repository.objects import create_object, find_object
from strongroom.repository.records import RecordType, read_unverified, sign_record, verify_record
from strongroom.repository.slots import KeySlot, open_first, read_slots, root_context, seal_slot
from strongroom.storage.errors import ObjectExistsError
from strongroom.storage.store import Store

FORMAT = 1
_MANIFEST_DOMAIN = b"strongroom manifest v1\0"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RepositoryRecord:
    """The signed record that says which repository a region holds."""

    format: int
    repo: UUID
    created_at: datetime
    verify_key: bytes


class Repository:
    """A repository's id and what its root secret can do; immutable, safe among threads, silent about the secret."""

    __slots__ = ("_root", "_signer", "_verifier", "repo_id")

    def __init__(self, repo_id: UUID, secret: SecretKey) -> None:
        self.repo_id = repo_id
        self._root = secret
        self._signer = root.signing_key(secret, repo_id)
        self._verifier = self._signer.public_key()

    def __repr__(self) -> str:
        return f"Repository({self.repo_id})"

    def sign(self, kind: RecordType, value: object) -> bytes:
        """Return a value as a signed record."""
        return sign_record(self._signer, kind, value)

    def verify(self, kind: RecordType, raw: bytes, shape: type[T]) -> T:
        """Read a record that this repository signed; raises TruncatedError, UnknownVersionError or TamperedError."""
        return verify_record(self._verifier, kind, raw, shape)

    def sign_manifest(self, sha256: bytes) -> bytes:
        """Return the 64-byte signature of a manifest whose bytes hash to sha256."""
        return self._signer.sign(_MANIFEST_DOMAIN + sha256)

    def verify_manifest(self, sha256: bytes, signature: bytes) -> None:
        """Check a manifest's signature; raises TamperedError."""
        try:
            self._verifier.verify(signature, _MANIFEST_DOMAIN + sha256)
        except InvalidSignature:
            raise TamperedError("The signature of a manifest does not match.") from None

    def verify_key(self) -> bytes:
        """Return the 32-byte Ed25519 public key that checks this repository's signatures."""
        return self._verifier.public_bytes_raw()

    def source_keys(self, source: str) -> root.SourceKeys:
        """Return the keys of contents and chunks and the cut seed of a source."""
        return root.source_keys(self._root, self.repo_id, source)

    def seal_root_slot(self, region: str, kek: KekProvider) -> tuple[str, bytes]:
        """Wrap the root secret for a region; return the slot's key and bytes."""
        context = root_context(self.repo_id)
        wrapped = kek.wrap(self._root, context)
        return slot_key(ROOT_SLOTS, region, wrapped.version), self.seal_slot(region, wrapped, context)

    def seal_recovery_slot(self, recipient: RecoveryKekProvider) -> tuple[str, bytes]:
        """Wrap the root secret to a recovery key; return the slot's key and bytes, which name the public key."""
        context = root_context(self.repo_id)
        wrapped = recipient.wrap(self._root, context)
        slot = KeySlot(RECOVERY, wrapped.provider, wrapped.version, wrapped.ciphertext, context, recipient.public)
        return slot_key(ROOT_SLOTS, RECOVERY, wrapped.version), self.sign(RecordType.KEY_SLOT, slot)

    def verify_root_slot(self, raw: bytes) -> KeySlot:
        """Read one of this repository's root slots; raises an integrity error."""
        slot = self.verify(RecordType.KEY_SLOT, raw, KeySlot)
        if slot.context != root_context(self.repo_id):
            raise TamperedError("A root key slot was made for another purpose.")
        return slot

    def seal_slot(self, region: str, wrapped: WrappedKey, context: dict[str, str]) -> bytes:
        """Return a wrapped key as a signed key slot."""
        return seal_slot(self._signer, region, wrapped, context)


def open_repository(store: Store, kek: KekProvider) -> Repository:
    """Open the repository a region holds.

    Raises RepositoryNotFoundError, WrongKeyError, or an integrity error.
    """
    repository = _find_repository(store, kek)
    if repository is None:
        raise RepositoryNotFoundError(
            f"Region {store.region!r} holds no repository.",
            next_step="Check the region's path or bucket; `strongroom init --upgrade` sets a new region up.",
        )
    _verify_record(repository, store)
    return repository


def create_repository(
    stores: Mapping[str, Store], keks: Mapping[str, KekProvider], *, clock: Clock, random: RandomBytes
) -> Repository:
    """Make the repository in every region that answers, or finish and adopt one that is there already.

    The home region (the first) must answer. Its root slot, created only if absent, decides between two makers at once.
    Raises RepositoryConflictError where two regions hold different repositories.
    """
    home = next(iter(stores))
    repository = _adopt(stores, keks, home) or _mint(stores[home], keks[home], clock, random)
    for region, store in stores.items():
        try:
            _furnish(repository, store, keks, clock)
        except UnavailableError:
            if region == home:
                raise
    return repository


def _adopt(stores: Mapping[str, Store], keks: Mapping[str, KekProvider], home: str) -> Repository | None:
    """Open what one of the regions holds, and see to it that the others hold no other repository."""
    found: Repository | None = None
    refused: WrongKeyError | None = None
    for region, store in stores.items():
        try:
            found = found or _find_repository(store, keks[region])
        except WrongKeyError as error:
            refused = refused or error
        except UnavailableError:
            if region == home:
                raise
    if found is None and refused is not None:
        raise refused
    if found is not None:
        _verify_same(found, stores.values())
    return found


def _verify_same(found: Repository, stores: Iterable[Store]) -> None:
    for store in stores:
        try:
            raw = find_object(store, REPOSITORY_KEY)
        except UnavailableError:
            continue
        if raw is None or read_unverified(RecordType.REPOSITORY, raw, RepositoryRecord).repo == found.repo_id:
            continue
        raise RepositoryConflictError(
            f"Region {store.region!r} holds another repository than the other regions.",
            next_step="Give each installation its own prefix, or remove the region that does not belong here.",
        )


def _mint(store: Store, kek: KekProvider, clock: Clock, random: RandomBytes) -> Repository:
    repository = Repository(new_id(clock, random), SecretKey(random(32)))
    key, body = repository.seal_root_slot(store.region, kek)
    try:
        create_object(store, key, body)
    except ObjectExistsError:
        return _find_repository(store, kek) or repository
    return repository


def _furnish(repository: Repository, store: Store, keks: Mapping[str, KekProvider], clock: Clock) -> None:
    """Write whatever a region lacks: every root slot, then the repository record."""
    present = {info.key.removeprefix(ROOT_SLOTS).rpartition(".")[0] for info in store.list(ROOT_SLOTS)}
    for region in sorted(keks.keys() - present):
        _create_slot(repository, store, region, keks[region])
    record = RepositoryRecord(FORMAT, repository.repo_id, clock.now(), repository.verify_key())
    try:
        create_object(store, REPOSITORY_KEY, repository.sign(RecordType.REPOSITORY, record))
    except ObjectExistsError:
        _verify_record(repository, store)


def _create_slot(repository: Repository, store: Store, region: str, kek: KekProvider) -> None:
    """Add one region's root slot; a KEK that does not answer leaves it for the next time."""
    try:
        key, body = repository.seal_root_slot(region, kek)
    except UnavailableError:
        return
    with contextlib.suppress(ObjectExistsError):
        create_object(store, key, body)


def _find_repository(store: Store, kek: KekProvider) -> Repository | None:
    """Open the root secret. The slot is read before its signer is known, then verified with what it gave."""
    if next(iter(store.list(ROOT_SLOTS)), None) is None and find_object(store, REPOSITORY_KEY) is None:
        return None
    slots = read_slots(store, ROOT_SLOTS, lambda raw: read_unverified(RecordType.KEY_SLOT, raw, KeySlot))
    stored, secret = open_first(slots, kek, f"the repository in region {store.region!r}")
    repository = Repository(_repo_id(stored.slot), secret)
    repository.verify_root_slot(stored.raw)
    return repository


def _repo_id(slot: KeySlot) -> UUID:
    try:
        return UUID(slot.context["repo"])
    except (KeyError, ValueError):
        raise TamperedError("A root key slot does not name its repository.") from None


def _verify_record(repository: Repository, store: Store) -> None:
    raw = find_object(store, REPOSITORY_KEY)
    if raw is None:
        raise RepositoryNotFoundError(
            f"Region {store.region!r} has key slots but no repository record.",
            next_step="`strongroom init --upgrade` finishes a repository whose making was interrupted.",
        )
    record = repository.verify(RecordType.REPOSITORY, raw, RepositoryRecord)
    if record.repo != repository.repo_id or record.verify_key != repository.verify_key():
        raise TamperedError("The repository record belongs to another repository.")
