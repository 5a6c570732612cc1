"""Removing what an aborted session left behind in a region."""

from uuid import UUID

from strongroom.repository.layout import backup_slots, checkpoint_prefix, manifest_key, session_key, session_pack_prefix
from strongroom.storage.store import Store


def discard_checkpoints(store: Store, session_id: UUID) -> None:
    """Delete what a session wrote down for the one after it; nothing that can be restored needs it."""
    for checkpoint in list(store.list(checkpoint_prefix(session_id))):
        store.delete(checkpoint.key)


def discard_session(store: Store, source: str, backup_id: UUID, session_id: UUID) -> int:
    """Delete what a session wrote for a backup that has an ABORT record; return how many packs that was.

    Only the manifest of the session's own backup, or of a child of that backup once committed, can refer to these
    packs; the ABORT record rules both out, so nothing that can be restored loses a byte. Keys go first and the marker
    last, so that what a crash leaves is unreadable and still known to belong to a session.
    """
    for slot in list(store.list(backup_slots(backup_id, session_id))):
        store.delete(slot.key)
    discard_checkpoints(store, session_id)
    store.delete(manifest_key(source, backup_id, session_id))
    packs = list(store.list(session_pack_prefix(session_id)))
    for pack in packs:
        store.delete(pack.key)
    store.delete(session_key(session_id))
    return len(packs)
