"""What a message says of its sender's life: it goes on, it began anew, or the message is from an earlier one."""

import logging
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from strongroom.catalog.skip_key_queries import end
from strongroom.catalog.skip_keys import KeyState, UnspentKey
from strongroom.catalog.skip_peers import SkipPeer, lock_peer
from strongroom.catalog.skip_psks import share_psk
from strongroom.keysync.keeping import Hearing
from strongroom.keysync.messages import Heartbeat, Sign

log = logging.getLogger(__name__)

BOOTS_REMEMBERED = 8
"""How many incarnations that ended are remembered of a peer."""


def hear(session: Session, sign: Sign, now: datetime) -> tuple[Hearing, SkipPeer]:
    """Note who spoke; returns the peer's row, locked. A new incarnation voids what is unspent of the pair.

    One that ended never comes back, whatever time a message of it bears: it may have been made by a process that had
    not heard of the end yet. Of two others the one that spoke last by its own clock is the present one, so that a
    message that was late brings nothing back. What was proven by a secret that was dropped since says nothing either.
    """
    peer = lock_peer(session, sign.sender, now)
    if not share_psk(session, sign.sender, sign.psk_id):
        return Hearing.STALE, peer
    if sign.boot is None or peer.boot == sign.boot:
        if sign.boot is not None:
            peer.boot_said_at = max(sign.sent_at, peer.boot_said_at or sign.sent_at)
        return Hearing.KNOWN, peer
    if _has_ended(peer, sign):
        return Hearing.STALE, peer
    left = peer.boot
    peer.boot, peer.boot_said_at, peer.seq, peer.voided_seq = sign.boot, sign.sent_at, 0, 0
    if left is None:
        return Hearing.KNOWN, peer
    peer.boots_left = [*(peer.boots_left or ()), left][-BOOTS_REMEMBERED:]
    voided = end(session, KeyState.VOID, UnspentKey.peer == sign.sender)
    log.warning("skip.peer_reborn: %s has a new incarnation; voided %d keys of the pair", sign.sender, len(voided))
    return Hearing.REBORN, peer


def _has_ended(peer: SkipPeer, sign: Sign) -> bool:
    is_late = peer.boot_said_at is not None and sign.sent_at <= peer.boot_said_at
    return is_late or sign.boot in (peer.boots_left or ())


def hear_heartbeat(session: Session, sign: Sign, heartbeat: Heartbeat, now: datetime) -> Hearing:
    """Note a heartbeat of a peer; one that was overtaken says nothing."""
    hearing, peer = hear(session, sign, now)
    if hearing is Hearing.STALE or (sign.seq is not None and sign.seq <= peer.seq):
        return Hearing.STALE
    peer.seq = peer.seq if sign.seq is None else sign.seq
    peer.heard_at, peer.pool_level = now, heartbeat.pool
    peer.offset_seconds = (sign.sent_at - now) / timedelta(seconds=1)
    return hearing
