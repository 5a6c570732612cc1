"""Our keys on their way to a peer: made, sent, confirmed. Only one that the peer has confirmed is ever given."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.catalog.session import Catalog
from strongroom.catalog.skip_key_queries import Spent, end, spend
from strongroom.catalog.skip_keys import OURS, KeyState, SkipKey, UnspentKey
from strongroom.catalog.skip_peers import lock_peer
from strongroom.catalog.tallies import Counted, add_to_tally
from strongroom.clock import Clock, RandomBytes
from strongroom.keysync.accepting import Lives
from strongroom.keysync.hearing import hear
from strongroom.keysync.keeping import Hearing, Keeper
from strongroom.keysync.linking import Acked
from strongroom.keysync.messages import KeyItem, KeyStatus
from strongroom.keysync.sealing import Label, Sealer, Sealers, sealed_anew

DEFAULT_BITS = 256
KEY_ID_BYTES = 16
SEND_AGAIN_AFTER = timedelta(seconds=10)
"""Longer than a push may take, so that nobody sends what is being sent."""

_OURS = "ours"
_GOOD = (KeyStatus.STORED, KeyStatus.DUPLICATE)


@dataclass(frozen=True, slots=True)
class PoolRules:
    """Who makes the keys, and how long they live."""

    system_id: str
    lives: Lives


class Pool:
    """The keys of one provider that it makes for its peers; any number of processes share it."""

    def __init__(
        self, keeper: Keeper, sealers: Sealers, catalog: Catalog, clock: Clock, random: RandomBytes, rules: PoolRules
    ) -> None:
        self._keeper = keeper
        self._sealers = sealers
        self._catalog = catalog
        self._clock = clock
        self._random = random
        self._system_id = rules.system_id
        self._lives = rules.lives

    def make_more(self, peer: str, *, low: int, high: int, most: int) -> list[KeyItem]:
        """Make and return keys to send now: up to `high` where there are fewer than `low`, and `most` at a time.

        That they are on their way is on disk before they are sent.
        """
        # What is made before a restore was noticed would be void at once.
        self._keeper.boot()
        now = self._clock.now()

        def write(sealer: Sealer) -> list[KeyItem]:
            with self._catalog.begin() as session:
                # Its lock lets one at a time count and make.
                lock_peer(session, peer, now)
                level = _count_ours(session, peer, now)
                wanted = min(high - level, most) if level < low else 0
                items = [self._new(DEFAULT_BITS, now) for _ in range(wanted)]
                self._write(session, sealer, peer, items)
            return items

        return sealed_anew(self._sealers, write)

    def make_one(self, peer: str, size_bits: int) -> KeyItem:
        """Make a key that is sent at once."""
        self._keeper.boot()
        item = self._new(size_bits, self._clock.now())

        def write(sealer: Sealer) -> KeyItem:
            with self._catalog.begin() as session:
                self._write(session, sealer, peer, [item])
            return item

        return sealed_anew(self._sealers, write)

    def claim(self, peer: str, limit: int) -> list[KeyItem]:
        """Return keys to send again, because their outcome stayed unknown, oldest first.

        Nobody else is given them for a while.
        """
        now = self._clock.now()
        self._sealers.make_ready()
        waiting = (UnspentKey.state == KeyState.SENDING) & (UnspentKey.sent_at <= now - SEND_AGAIN_AFTER)
        chosen = (
            select(UnspentKey.key_id)
            .where(UnspentKey.origin == self._system_id, UnspentKey.peer == peer, waiting, UnspentKey.expires_at > now)
            .order_by(UnspentKey.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            # Apart, because a plan that looks there twice would take more than the limit.
            .cte("chosen")
        )
        sending = (
            update(UnspentKey)
            .where(UnspentKey.origin == self._system_id, UnspentKey.key_id.in_(select(chosen.c.key_id)))
            .values(state=KeyState.SENDING, sent_at=now)
            .returning(UnspentKey)
            .execution_options(synchronize_session=False)
        )
        with self._catalog.begin() as session:
            rows = session.scalars(sending).all()
        return [self._item(row) for row in rows]

    def settle(self, answer: Acked) -> int:
        """Note what the peer answered; return how many keys it can serve now.

        What it refuses is void. An answer of an earlier incarnation says nothing: the keys are sent again.
        """
        sign, now = answer.sign, self._clock.now()
        good = [verdict.key_id for verdict in answer.verdicts if verdict.status in _GOOD]
        bad = {verdict.key_id: verdict.status for verdict in answer.verdicts if verdict.status not in _GOOD}
        mine = (UnspentKey.origin == self._system_id, UnspentKey.state == KeyState.SENDING)
        with self._catalog.begin() as session:
            hearing, peer = hear(session, sign, now)
            if hearing is Hearing.STALE:
                return 0
            peer.failures, peer.retry_at = 0, None
            synced = update(UnspentKey).where(*mine, UnspentKey.peer == sign.sender, UnspentKey.key_id.in_(good))
            changed = synced.values(state=KeyState.SYNCED, peer_boot=sign.boot).returning(UnspentKey.key_id)
            count = len(session.scalars(changed.execution_options(synchronize_session=False)).all())
            add_to_tally(session, Counted.SYNC_KEYS, sign.sender, times=count)
            if bad:
                end(session, KeyState.VOID, *mine, UnspentKey.key_id.in_(bad))
                _alert(session, sign.sender, [key for key, status in bad.items() if status is KeyStatus.CONFLICT], now)
        return count

    def settle_taken(self, answer: Acked, item: KeyItem) -> Spent | None:
        """Note what the peer answered to one key, and take it before anybody else can where the peer has it."""
        now = self._clock.now()
        with self._catalog.begin() as session:
            if hear(session, answer.sign, now)[0] is not Hearing.KNOWN:
                return None
            if all(verdict.status in _GOOD for verdict in answer.verdicts):
                connection = session.connection()
                state = KeyState.SENDING
                add_to_tally(session, Counted.SYNC_KEYS, answer.sign.sender)
                return spend(connection, origin=item.initiator, key_id=item.key_id, state=state, now=now)
            end(session, KeyState.VOID, UnspentKey.origin == item.initiator, UnspentKey.key_id == item.key_id)
            return None

    def level(self, session: Session, peer: str, now: datetime) -> int:
        """Return how many keys of the usual size the peer has confirmed."""
        pooled = (UnspentKey.peer == peer, UnspentKey.state == KeyState.SYNCED, UnspentKey.size_bits == DEFAULT_BITS)
        return session.scalar(select(func.count()).where(*pooled, UnspentKey.expires_at > now)) or 0

    def unsettled(self, session: Session, peer: str, now: datetime) -> int:
        """Return how many keys are on their way to the peer, or were and it is unknown whether they arrived."""
        sending = (UnspentKey.origin == self._system_id, UnspentKey.peer == peer, UnspentKey.state == KeyState.SENDING)
        return session.scalar(select(func.count()).where(*sending, UnspentKey.expires_at > now)) or 0

    def label(self, key_id: str, peer: str) -> Label:
        """Return what a key of ours is sealed as."""
        return Label(self._system_id, key_id, peer, _OURS)

    def _new(self, size_bits: int, now: datetime) -> KeyItem:
        key_id, key = self._random(KEY_ID_BYTES).hex(), self._random(size_bits // 8)
        return KeyItem(key_id, key, size_bits, now, now + self._lives.ttl, self._system_id)

    def _item(self, row: UnspentKey) -> KeyItem:
        key = bytes(self._sealers.get(row.sealing_key_id).open(self.label(row.key_id, row.peer), row.sealed))
        return KeyItem(row.key_id, key, row.size_bits, row.created_at, row.expires_at, row.origin)

    def _write(self, session: Session, sealer: Sealer, peer: str, items: Sequence[KeyItem]) -> None:
        if not items:
            return
        tombstones = [
            {
                "origin": item.initiator,
                "key_id": item.key_id,
                "peer": peer,
                "forget_at": self._lives.forget_at(item.expires_at),
            }
            for item in items
        ]
        unspent = [
            {
                "origin": item.initiator,
                "key_id": item.key_id,
                "peer": peer,
                "state": KeyState.SENDING,
                "size_bits": item.size_bits,
                "sealing_key_id": sealer.id,
                "sealed": sealer.seal(self.label(item.key_id, peer), item.key),
                "created_at": item.created_at,
                "expires_at": item.expires_at,
                "sent_at": item.created_at,
            }
            for item in items
        ]
        session.execute(insert(SkipKey), tombstones)
        session.execute(insert(UnspentKey), unspent)


def _count_ours(session: Session, peer: str, now: datetime) -> int:
    ours = (UnspentKey.peer == peer, UnspentKey.state.in_(OURS), UnspentKey.size_bits == DEFAULT_BITS)
    return session.scalar(select(func.count()).where(*ours, UnspentKey.expires_at > now)) or 0


def _alert(session: Session, peer: str, key_ids: Sequence[str], now: datetime) -> None:
    if key_ids:
        report = AlertReport(
            type=AlertType.INTEGRITY,
            severity=Severity.CRITICAL,
            cause="skip.key_conflict",
            message=f"Peer {peer} has another key under the id {key_ids[0]} of ours.",
            next_step="The key was voided. See whether two installations use our system id; if so, change one.",
            at=now,
            source=peer[:63],
        )
        open_alert(session, report)
