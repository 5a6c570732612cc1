"""Metrics of key versions in applications' columns, and of keys shared with peers."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import Metric
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.reencryption import OPEN_STATES, EncryptedColumn, ReencryptionJob, ReencryptionRange
from strongroom.catalog.skip_keys import UnspentKey
from strongroom.catalog.skip_peers import PeerStatus, SkipPeer
from strongroom.catalog.tallies import Counted
from strongroom.metrics import definitions as metric
from strongroom.metrics.definition import Labels
from strongroom.metrics.tallied import Tallies, tallied
from strongroom.settings import Settings


def column_families(session: Session) -> Iterator[Metric]:
    """Yield what is left to re-encrypt, and which versions the last census found."""
    census = session.execute(select(EncryptedColumn.place, EncryptedColumn.rows_by_version)).tuples().all()
    left = {(place,): 0.0 for place, _ in census} | _left(session)
    yield metric.ROWS_REMAINING.family(left)
    yield metric.VERSION_ROWS.family(
        {(place, version): rows for place, counted in census for version, rows in (counted or {}).items()}
    )


def peer_families(session: Session, settings: Settings, tallies: Tallies) -> Iterator[Metric]:
    """Yield how every configured peer is; where there is no key provider, the names alone."""
    peers = [] if settings.skip is None else [peer.known_as for peer in settings.skip.peers.values()]
    query = select(SkipPeer.system_id, SkipPeer.status, SkipPeer.round_trip_ms)
    known = {peer: (status, trip) for peer, status, trip in session.execute(query).tuples() if peer in peers}
    yield metric.PEER_UP.family({(peer,): known.get(peer, ("", 0))[0] == PeerStatus.ONLINE for peer in peers})
    yield metric.PEER_RTT.family({(peer,): trip / 1000 for peer, (_, trip) in known.items() if trip is not None})
    yield metric.PEER_KEYS.family(tallied(tallies, Counted.SYNC_KEYS, ((peer,) for peer in peers)))
    yield metric.PEER_ERRORS.family(tallied(tallies, Counted.SYNC_ERRORS, ((peer,) for peer in peers)))
    yield metric.PEER_UNSPENT.family(_unspent(session, peers) if peers else {})


def _left(session: Session) -> dict[Labels, float]:
    """Return the rows of open re-encryptions that no range has met yet, by column."""
    part = ReencryptionRange
    met = func.coalesce(func.sum(part.processed + part.skipped + part.changed + part.broken), 0)
    query = select(ReencryptionJob.place, ReencryptionJob.total_rows, met).outerjoin(part)
    query = query.where(ReencryptionJob.state.in_(OPEN_STATES), ReencryptionJob.dry_run.is_(False))
    rows = session.execute(query.group_by(ReencryptionJob.id, ReencryptionJob.place, ReencryptionJob.total_rows))
    return {(place,): max(0.0, float(total - done)) for place, total, done in rows.tuples()}


def _unspent(session: Session, peers: list[str]) -> dict[Labels, float]:
    query = select(UnspentKey.peer, UnspentKey.origin, func.count()).group_by(UnspentKey.peer, UnspentKey.origin)
    counts: Counter[Labels] = Counter()
    for peer, origin, count in session.execute(query).tuples():
        counts[peer, "theirs" if origin == peer else "ours"] += count
    return {(peer, whose): float(counts[peer, whose]) for peer in peers for whose in ("ours", "theirs")}
