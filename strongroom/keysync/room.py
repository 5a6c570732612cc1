"""How much of the catalog one peer may fill: with keys that are unspent, and with what is remembered of spent ones."""

from datetime import datetime

from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, keep_open
from strongroom.catalog.skip_key_queries import count_held, count_remembered
from strongroom.catalog.skip_peers import SkipPeer, lock_peer
from strongroom.keysync.refusals import MessageRefusedError, Reason

FULL = "skip.peer_full"

REMEMBERED_PER_HELD = 10
"""Rows that are remembered of a peer for each key that may be held: keys are spent faster than forgotten."""


def take_room(session: Session, peer: SkipPeer, *, held: int, remembered: int, most: int) -> None:
    """Count what was just written of a peer whose row is locked; raises MessageRefusedError where it is too much.

    The counts of the row only grow, as who spends a key does not wait for the row. They are counted anew before
    anything is refused.
    """
    peer.held, peer.remembered = peer.held + held, peer.remembered + remembered
    if _is_full(peer, most):
        _count_anew(session, peer)
    if _is_full(peer, most):
        raise MessageRefusedError(Reason.FULL)


def note_full(session: Session, system_id: str, most: int, now: datetime) -> None:
    """Open an alert for a peer that fills more than it may."""
    report = AlertReport(
        type=AlertType.FAILURE,
        severity=Severity.HIGH,
        cause=FULL,
        message=f"Peer {system_id} sent more than is kept of one peer: {most} keys that are unspent, and ten times as "
        "many rows in all.",
        next_step="Nothing of the message was kept. See with `strongroom peers status` how many of its keys are here, "
        "and ask there why so many are made; raise `most_held` in [skip] where they are needed.",
        at=now,
        source=system_id[:63],
    )
    keep_open(session, report)


def note_room(session: Session, system_id: str, most: int, now: datetime) -> None:
    """Count anew what a peer fills, and end its alert where there is room again."""
    peer = lock_peer(session, system_id, now)
    _count_anew(session, peer)
    if peer.held < most and peer.remembered < most * REMEMBERED_PER_HELD:
        clear_alerts(session, cause=FULL, source=system_id[:63], now=now, note="There is room for its keys again.")


def _is_full(peer: SkipPeer, most: int) -> bool:
    return peer.held > most or peer.remembered > most * REMEMBERED_PER_HELD


def _count_anew(session: Session, peer: SkipPeer) -> None:
    peer.held = count_held(session, peer.system_id)
    peer.remembered = count_remembered(session, peer.system_id)
