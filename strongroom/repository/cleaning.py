"""Removing what an aborted session left behind in a region."""

import uuid

from strongroom.repository.layout import session_key, session_pack_prefix
from strongroom.storage.store import Store


def discard_session(store: Store, session_id: uuid.UUID) -> int:
    """Delete the packs and then the marker of a session whose backup has an ABORT record; return how many packs.

    Only the manifest of the session's own backup, or of a child of that backup once committed, can refer to these packs;
    the ABORT record rules both out, so nothing that can be restored loses a byte.
    """
    packs = list(store.list(session_pack_prefix(session_id)))
    for pack in packs:
        store.delete(pack.key)
    store.delete(session_key(session_id))
    return len(packs)
