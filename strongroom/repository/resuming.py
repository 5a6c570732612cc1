"""What earlier, dead sessions of the same backup stored, as references for the next one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from strongroom.errors import StrongroomError, UnavailableError
from strongroom.keyring.provider import KekProvider
from strongroom.keyring.secret import SecretKey
from strongroom.repository.access import Repository
from strongroom.repository.checkpoint import (
    UNPLACED,
    Checkpoint,
    CheckpointHead,
    CheckpointPlace,
    Predecessor,
    open_checkpoint,
)
from strongroom.repository.head import PackRef
from strongroom.repository.layout import backup_slots, checkpoint_key, checkpoint_prefix
from strongroom.repository.objects import get_object
from strongroom.repository.opening import verify_slot
from strongroom.repository.placements import Place
from strongroom.repository.reference import Reference, TreeFrames, present_packs
from strongroom.repository.session import BackupIdentity
from strongroom.repository.slots import open_first, read_slots
from strongroom.repository.treestream import decode_begun
from strongroom.storage.store import Store
from strongroom.tree.content import Item, Step
from strongroom.tree.entry import Extent, Run


def find_predecessors(
    repository: Repository, store: Store, kek: KekProvider, identity: BackupIdentity, sessions: Sequence[UUID]
) -> list[Reference]:
    """Return what can be used of earlier sessions of this backup (newest first), the newest of them first.

    Ordinals mean the same in a session and in those it stood upon, so these are used together, and only with the parent
    that the newest had. Whatever cannot be read is passed over; raises UnavailableError while the region is away.
    """
    found = [one for session in sessions if (one := _find(repository, store, kek, identity, session)) is not None]
    for newest in found:
        if newest.head.parent_id == identity.parent_id:
            known = {one.session: one.checkpoints for one in newest.head.upon}
            chain = [newest, *(one.up_to(known[one.place.session_id.bytes]) for one in found if one.is_in(known))]
            return [_reference(one, newest.head.top) for one in chain]
    return []


@dataclass(frozen=True, slots=True)
class _DeadSession:
    store: Store
    place: CheckpointPlace
    data_key: SecretKey
    head: CheckpointHead
    packs: tuple[tuple[PackRef, ...], ...]
    places: tuple[dict[int, Place], ...]

    def is_in(self, known: dict[bytes, int]) -> bool:
        return self.place.session_id.bytes in known

    def up_to(self, count: int) -> "_DeadSession":
        """Return what a later session knew of this one; it may have gone on writing, for nobody, since then."""
        return replace(self, packs=self.packs[:count], places=self.places[:count])

    def checkpoint(self, number: int) -> Checkpoint:
        raw = get_object(self.store, checkpoint_key(self.place.session_id, number))
        return open_checkpoint(self.place, self.data_key, raw, number)

    def walk(self, _: TreeFrames) -> Iterator[Step]:
        """Yield the files that the session had read; frames of its tree were never stored as such."""
        places = {chunk: place for known in self.places for chunk, place in known.items()}
        frames = (frame for number in range(len(self.packs)) for frame in self.checkpoint(number).tree)
        for step in decode_begun(frames):
            if isinstance(step, Item):
                step.entry.extents = [_placed(extent, places) for extent in step.entry.extents]
            yield step


def _placed(extent: Extent, places: dict[int, Place]) -> Extent:
    if not isinstance(extent, Run) or extent.pack != UNPLACED or extent.frame not in places:
        return extent
    return Run(*places[extent.frame], extent.offset, extent.length)


def _find(
    repository: Repository, store: Store, kek: KekProvider, identity: BackupIdentity, session_id: UUID
) -> _DeadSession | None:
    try:
        return _open(repository, store, kek, replace(identity, session_id=session_id))
    except UnavailableError:
        raise
    except StrongroomError:
        return None


def _open(repository: Repository, store: Store, kek: KekProvider, identity: BackupIdentity) -> _DeadSession | None:
    session_id = identity.session_id
    count = sum(1 for _ in store.list(checkpoint_prefix(session_id)))
    if count == 0:
        return None
    slots = read_slots(
        store, backup_slots(identity.backup_id, session_id), lambda raw: verify_slot(repository, identity, raw)
    )
    _, data_key = open_first(slots, kek, f"session {session_id}")
    place = CheckpointPlace(repository.repo_id, identity.backup_id, session_id)
    first = get_object(store, checkpoint_key(session_id, 0))
    dead = _DeadSession(store, place, data_key, open_checkpoint(place, data_key, first, 0).head, (), ())
    read = list(_read_on(dead, count))
    return replace(
        dead,
        head=read[-1].head,
        packs=tuple(one.packs for one in read),
        places=tuple({chunk: (pack, frame) for chunk, pack, frame in one.head.places} for one in read),
    )


def _read_on(dead: _DeadSession, count: int) -> Iterator[Checkpoint]:
    """Yield the checkpoints without their trees, up to the first that is missing or damaged."""
    for number in range(count):
        try:
            yield replace(dead.checkpoint(number), tree=())
        except UnavailableError:
            raise
        except StrongroomError:
            return


def _reference(dead: _DeadSession, top: int) -> Reference:
    packs = present_packs(dead.store, (pack for packs in dead.packs for pack in packs))
    origin = Predecessor(dead.place.session_id.bytes, len(dead.packs))
    return Reference(packs, max(top, dead.head.top), dead.head.started, dead.walk, origin=origin)
