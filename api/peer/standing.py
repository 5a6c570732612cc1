"""How synchronisation with a peer goes, as the peer itself may know it: nothing of others, nor why it was refused."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from strongroom.catalog.session import Catalog
from strongroom.catalog.skip_key_queries import count_keys, count_known
from strongroom.catalog.skip_keys import KeyState
from strongroom.catalog.skip_peers import PeerStatus, SkipPeer, find_peer
from strongroom.clock import Clock
from strongroom.settings import SkipSettings

_IN_STOCK = (KeyState.SYNCED, KeyState.HELD)
"""Keys of ours that it has confirmed, and of its that it can be given here."""


def standing_of(skip: SkipSettings, catalog: Catalog) -> Callable[[str], dict[str, Any]]:
    """Return what looks a peer up by its system id."""

    def standing(peer: str) -> dict[str, Any]:
        with catalog.read() as session:
            known = find_peer(session, peer)
        return {"sync_enabled": True, "local_system_id": skip.system_id, "peer": _show(known)}

    return standing


def counters_of(catalog: Catalog, clock: Clock) -> Callable[[str], dict[str, Any]]:
    """Return what counts for the pair with a peer: heartbeats, failures in a row, and keys."""

    def count(peer: str) -> dict[str, Any]:
        with catalog.read() as session:
            known = find_peer(session, peer)
            unspent = [row for row in count_keys(session, clock.now()) if row.peer == peer]
            shared = count_known(session, peer)
        sync = {
            "status": known.status.value if known else PeerStatus.UNKNOWN.value,
            "heartbeat_ms": known.round_trip_ms if known else None,
            "missed_heartbeats": known.missed if known else 0,
            "failed_pushes": known.failures if known else 0,
        }
        ours, theirs = (sum(row[3] for row in unspent if row.state is state) for state in _IN_STOCK)
        return {"sync": sync, "keys": {"ours": ours, "theirs": theirs, "ids_kept": shared}}

    return count


def _show(peer: SkipPeer | None) -> dict[str, Any]:
    if peer is None:
        return {"status": "unknown", "last_heartbeat": None, "capabilities": None}
    return {
        "status": peer.status.value,
        "since": _spell(peer.since),
        "last_heartbeat": _spell(peer.heard_at),
        "last_answer": _spell(peer.answered_at),
        "heartbeat_ms": peer.round_trip_ms,
        "clock_offset_seconds": peer.offset_seconds,
        "pool": peer.pool_level,
        "capabilities": peer.capabilities,
    }


def _spell(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
