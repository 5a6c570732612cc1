"""Keeping the keys of a peer: each once, whatever is sent again, and never another under its id."""

import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.catalog.skip_key_queries import add_new
from strongroom.catalog.skip_keys import KeyState, SkipKey, UnspentKey
from strongroom.catalog.tallies import Counted, add_to_tally
from strongroom.keysync.giving_errors import SealingKeyGoneError
from strongroom.keysync.hearing import hear
from strongroom.keysync.keeping import Hearing
from strongroom.keysync.messages import KeyItem, KeyStatus, KeyVerdict, Sign
from strongroom.keysync.room import take_room
from strongroom.keysync.sealing import Label, Sealer, Sealers

THEIRS = "theirs"
LONGEST_LIFE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Lives:
    """How long keys are kept; `window` is how far clocks may be apart and messages be late.

    Of one peer `most_held` are kept at most that are unspent.
    """

    ttl: timedelta
    window: timedelta
    most_held: int

    @property
    def extra(self) -> timedelta:
        """Return how much longer the receiver keeps a key: whoever was given its twin last can still fetch it."""
        return 2 * self.window + timedelta(seconds=60)

    def forget_at(self, expires_at: datetime) -> datetime:
        """Return when nothing can bring a key back: it would have expired, and every message about it be too old."""
        return expires_at + self.extra + 2 * self.window


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One message with keys, on its way into the catalog."""

    sign: Sign
    items: Sequence[KeyItem]
    now: datetime
    sealer: Sealer
    lives: Lives


def accept(session: Session, message: Acceptance, sealers: Sealers) -> list[KeyVerdict]:
    """Keep what is new, and say of each key what became of it; raises MessageRefusedError where there is no room."""
    hearing, peer = hear(session, message.sign, message.now)
    if hearing is Hearing.STALE:
        return [KeyVerdict(item.key_id, KeyStatus.REFUSED) for item in message.items]
    first = {item.key_id: item for item in reversed(message.items) if _is_kept(item, message)}
    added = add_new(session, [_tombstone(item, message) for item in first.values()])
    if added:
        rows = [_unspent(item, message, peer.boot) for item in first.values() if item.key_id in added]
        session.execute(insert(UnspentKey), rows)
        take_room(session, peer, held=len(added), remembered=len(added), most=message.lives.most_held)
        add_to_tally(session, Counted.SYNC_KEYS, peer.system_id, times=len(added))
    known = _known(session, message, added)
    verdicts = []
    for item in message.items:
        is_new = item.key_id in added and first[item.key_id] is item
        verdicts.append(KeyVerdict(item.key_id, KeyStatus.STORED if is_new else _judge(session, item, known, sealers)))
    _alert(session, message, verdicts)
    return verdicts


def _is_kept(item: KeyItem, message: Acceptance) -> bool:
    longest = message.now + LONGEST_LIFE + message.lives.window
    return message.now < item.expires_at <= longest and item.initiator == message.sign.sender


def _label(item: KeyItem) -> Label:
    return Label(item.initiator, item.key_id, item.initiator, THEIRS)


def _tombstone(item: KeyItem, message: Acceptance) -> SkipKey:
    return SkipKey(
        origin=item.initiator,
        key_id=item.key_id,
        peer=item.initiator,
        sealing_key_id=message.sealer.id,
        fingerprint=message.sealer.fingerprint(_label(item), item.key),
        forget_at=message.lives.forget_at(item.expires_at),
    )


def _unspent(item: KeyItem, message: Acceptance, boot: int | None) -> dict[str, object]:
    return {
        "origin": item.initiator,
        "key_id": item.key_id,
        "peer": item.initiator,
        "state": KeyState.HELD,
        "size_bits": item.size_bits,
        "sealing_key_id": message.sealer.id,
        "sealed": message.sealer.seal(_label(item), item.key),
        "created_at": message.now,
        "expires_at": item.expires_at + message.lives.extra,
        "peer_boot": boot,
    }


Known = Mapping[str, tuple[SkipKey, KeyState | None]]


def _known(session: Session, message: Acceptance, added: set[str]) -> Known:
    """Return what there is already of the keys that are not new, or that the message holds twice."""
    times = Counter(item.key_id for item in message.items)
    wanted = {key_id for key_id, count in times.items() if key_id not in added or count > 1}
    if not wanted:
        return {}
    joined = (UnspentKey.origin == SkipKey.origin) & (UnspentKey.key_id == SkipKey.key_id)
    query = select(SkipKey, UnspentKey.state).outerjoin(UnspentKey, joined)
    found = session.execute(query.where(SkipKey.origin == message.sign.sender, SkipKey.key_id.in_(wanted)))
    return {key.key_id: (key, state) for key, state in found}


def _judge(session: Session, item: KeyItem, known: Known, sealers: Sealers) -> KeyStatus:
    row = known.get(item.key_id)
    if row is None:
        return KeyStatus.REFUSED
    key, state = row
    try:
        same = _is_same(session, key, item, sealers)
    except SealingKeyGoneError:
        return KeyStatus.REFUSED
    if same is False:
        return KeyStatus.CONFLICT
    # One that was given or voided is not confirmed: its twin must not be given to anybody.
    return KeyStatus.DUPLICATE if same and state is KeyState.HELD else KeyStatus.REFUSED


def _is_same(session: Session, key: SkipKey, item: KeyItem, sealers: Sealers) -> bool | None:
    """Compare by fingerprint; None where there is none, because the key was voided before it came."""
    if key.fingerprint is None or key.sealing_key_id is None:
        return None
    fingerprint = sealers.get(key.sealing_key_id, session).fingerprint(_label(item), item.key)
    return hmac.compare_digest(fingerprint, key.fingerprint)


def _alert(session: Session, message: Acceptance, verdicts: Sequence[KeyVerdict]) -> None:
    conflicts = [verdict.key_id for verdict in verdicts if verdict.status is KeyStatus.CONFLICT]
    if conflicts:
        open_alert(
            session,
            AlertReport(
                type=AlertType.INTEGRITY,
                severity=Severity.CRITICAL,
                cause="skip.key_conflict",
                message=f"Peer {message.sign.sender} sent another key under the id {conflicts[0]}"
                + (f", and {len(conflicts) - 1} more like it." if len(conflicts) > 1 else "."),
                next_step="Nothing was changed. See whether two installations use this system id; if not, revoke it: "
                "`strongroom peers revoke`.",
                at=message.now,
                source=message.sign.sender[:63],
            ),
        )
