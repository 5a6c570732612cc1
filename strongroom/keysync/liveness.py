"""Whether a peer answers: two heartbeats missed make it suspect, three offline, two good ones bring it back."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, keep_open
from strongroom.catalog.skip_peers import PeerStatus, SkipPeer, ensure_peer, lock_peer
from strongroom.catalog.tallies import Counted, add_to_tally
from strongroom.keysync.hearing import hear
from strongroom.keysync.keeping import Hearing
from strongroom.keysync.linking import Acked
from strongroom.keysync.room import FULL

log = logging.getLogger(__name__)

BEAT_EVERY = timedelta(seconds=10)
SUSPECT_AFTER = 2
OFFLINE_AFTER = 3
ONLINE_AFTER = 2
WARN_OFFSET = timedelta(seconds=30)
ALERT_OFFSET = timedelta(seconds=120)

OFFLINE = "skip.peer_offline"
CLOCK = "skip.peer_clock"

SECOND_LOOK = timedelta(seconds=3)
"""From the first good heartbeat of a peer that was offline to the next one: keys need not wait for a whole round."""

# A little sooner than ticks come, so that one that is early is not lost; a second Beat changes nothing.
_EARLY = timedelta(seconds=3)
_COMING_BACK = and_(SkipPeer.status == PeerStatus.OFFLINE, SkipPeer.good > 0)


def claim_beat(session: Session, system_id: str, now: datetime, every: timedelta = BEAT_EVERY) -> bool:
    """Say whether the caller is to send the next heartbeat to a peer: one of all processes does."""
    ensure_peer(session, system_id, now)
    due = or_(
        SkipPeer.beat_at.is_(None),
        SkipPeer.beat_at <= now - (every - _EARLY),
        SkipPeer.beat_at > now,
        and_(_COMING_BACK, SkipPeer.beat_at <= now - SECOND_LOOK),
    )
    taken = update(SkipPeer).where(SkipPeer.system_id == system_id, due).values(beat_at=now)
    return session.scalar(taken.returning(SkipPeer.system_id)) is not None


def is_any_coming_back(session: Session) -> bool:
    """Say whether a peer that was offline has answered, and not often enough to count as online."""
    return bool(session.scalar(select(exists().where(_COMING_BACK))))


def note_answer(session: Session, answer: Acked, now: datetime) -> None:
    """Note that a peer answered a heartbeat; an answer of an incarnation or under a secret that ended says nothing."""
    hearing, peer = hear(session, answer.sign, now)
    if hearing is Hearing.STALE:
        return
    peer.missed, peer.good, peer.silence = 0, peer.good + 1, None
    peer.answered_at = now
    peer.round_trip_ms = answer.round_trip / timedelta(milliseconds=1)
    peer.offset_seconds = answer.offset / timedelta(seconds=1)
    _judge_clock(session, peer, answer.offset, now)
    if peer.status is PeerStatus.ONLINE or (peer.status is PeerStatus.OFFLINE and peer.good < ONLINE_AFTER):
        return
    _become(peer, PeerStatus.ONLINE, now)
    # What could not be sent before is sent now.
    peer.failures, peer.retry_at = 0, None
    note = "The peer answers again."
    clear_alerts(session, cause=OFFLINE, source=peer.system_id[:63], now=now, note=note)


def note_silence(session: Session, system_id: str, why: str, now: datetime) -> None:
    """Note that a heartbeat was not answered."""
    peer = lock_peer(session, system_id, now)
    peer.missed, peer.good, peer.silence = peer.missed + 1, 0, why[:200]
    add_to_tally(session, Counted.SYNC_ERRORS, system_id)
    if peer.missed >= OFFLINE_AFTER:
        _become(peer, PeerStatus.OFFLINE, now)
        keep_open(session, _offline(peer, why, now))
    elif peer.missed >= SUSPECT_AFTER and peer.status is not PeerStatus.OFFLINE:
        _become(peer, PeerStatus.SUSPECT, now)


def forget_peer(session: Session, peer: SkipPeer, now: datetime) -> None:
    """Drop what is known of a peer that is no longer configured, and its alerts."""
    for cause in (OFFLINE, CLOCK, FULL):
        note = "The peer is no longer configured."
        clear_alerts(session, cause=cause, source=peer.system_id[:63], now=now, note=note)
    session.delete(peer)


def _become(peer: SkipPeer, status: PeerStatus, now: datetime) -> None:
    if peer.status is not status:
        log.warning("skip.peer_%s: %s was %s", status.value, peer.system_id, peer.status.value)
        peer.status, peer.since = status, now


def _offline(peer: SkipPeer, why: str, now: datetime) -> AlertReport:
    return AlertReport(
        type=AlertType.FAILURE,
        severity=Severity.HIGH,
        cause=OFFLINE,
        message=f"Peer {peer.system_id} did not answer {peer.missed} heartbeats: {why}"[:500],
        next_step="Encryptors are given keys it has confirmed, then none. Look at its processes and at the line: "
        "`strongroom peers ping`.",
        at=now,
        source=peer.system_id[:63],
    )


def _judge_clock(session: Session, peer: SkipPeer, offset: timedelta, now: datetime) -> None:
    source = peer.system_id[:63]
    if abs(offset) <= ALERT_OFFSET:
        clear_alerts(session, cause=CLOCK, source=source, now=now, note="The clocks agree well enough again.")
        if abs(offset) > WARN_OFFSET:
            log.warning("skip.peer_clock: the clock of %s is %.0f s off", source, offset.total_seconds())
        return
    report = AlertReport(
        type=AlertType.FAILURE,
        severity=Severity.MEDIUM,
        cause=CLOCK,
        message=f"The clocks of this provider and of peer {peer.system_id} are {abs(offset).total_seconds():.0f} s "
        "apart.",
        next_step="Have both follow a time server; messages are refused when they are further apart than the window.",
        at=now,
        source=source,
    )
    keep_open(session, report)
