"""Removing what an aborted session left behind in a region."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

from strongroom.repository.layout import backup_slots, checkpoint_prefix, manifest_key, session_key, session_pack_prefix
from strongroom.repository.objects import delete_unless_locked
from strongroom.storage.store import Store
from strongroom.tracing import same_ids

DELETED_AT_ONCE = 8
"""A large backup leaves thousands of checkpoints, and a region that is far away takes its time for each."""


def discard_checkpoints(store: Store, session_id: UUID) -> None:
    """Delete what a session wrote down for the one after it; nothing that can be restored needs it."""
    keys = [checkpoint.key for checkpoint in store.list(checkpoint_prefix(session_id))]
    with ThreadPoolExecutor(DELETED_AT_ONCE, "checkpoint-removal", initializer=same_ids()) as executor:
        for _ in executor.map(partial(delete_unless_locked, store), keys):
            pass


def discard_session(store: Store, source: str, backup_id: UUID, session_id: UUID) -> int:
    """Delete what a session wrote for a backup that has an ABORT record; return how many packs that was.

    Only the manifest of the session's own backup, or of a child of that backup once committed, can refer to these
    packs; the ABORT record rules both out, so nothing that can be restored loses a byte. Keys go first and the marker
    last, so that what a crash leaves is unreadable and still known to belong to a session. What a lock keeps is left to
    the collection that comes after its day, and the marker with it.
    """
    slots = [slot.key for slot in store.list(backup_slots(backup_id, session_id))]
    locked = [delete_unless_locked(store, key) for key in slots]
    discard_checkpoints(store, session_id)
    locked.append(delete_unless_locked(store, manifest_key(source, backup_id, session_id)))
    packs = [pack.key for pack in store.list(session_pack_prefix(session_id))]
    kept = [delete_unless_locked(store, key) for key in packs]
    if not any([*locked, *kept]):
        delete_unless_locked(store, session_key(session_id))
    return kept.count(None)
