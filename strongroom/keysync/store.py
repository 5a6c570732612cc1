"""What the protocol needs kept, kept in the catalog."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from strongroom.catalog.session import Catalog
from strongroom.catalog.skip_key_queries import add_new, end
from strongroom.catalog.skip_keys import KeyState, SkipKey, UnspentKey
from strongroom.catalog.skip_peers import SkipEpoch, SkipPeer, ensure_peer, find_peer
from strongroom.clock import Clock, RandomBytes
from strongroom.keysync.accepting import LONGEST_LIFE, Acceptance, Lives, accept
from strongroom.keysync.booting import boot_of
from strongroom.keysync.giving_errors import SealingKeyGoneError
from strongroom.keysync.hearing import hear, hear_heartbeat
from strongroom.keysync.keeping import Epoch, Hearing, Psk
from strongroom.keysync.messages import CapabilityExchange, Heartbeat, KeyItem, KeyVerdict, Profile, Sign
from strongroom.keysync.psks import Psks, confirm
from strongroom.keysync.refusals import MessageRefusedError, Reason
from strongroom.keysync.room import note_full, take_room
from strongroom.keysync.sealing import Label, Sealer, Sealers, sealed_anew

log = logging.getLogger(__name__)

EPOCHS_KEPT = 5


class KeyStore:
    """The `Keeper` of an installation; any number of processes share it.

    Every call is a transaction of its own. Raises CatalogUnavailableError, and as KekProvider where a data key has to
    be opened first.
    """

    def __init__(
        self, catalog: Catalog, clock: Clock, random: RandomBytes, *, sealers: Sealers, psks: Psks, lives: Lives
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._random = random
        self._sealers = sealers
        self._psks = psks
        self._lives = lives

    def boot(self) -> int:
        """Return our own incarnation; a new one, with every key voided, where the database was restored."""
        boot, is_new = boot_of(self._catalog, self._clock, self._random)
        if is_new:
            self._sealers.forget()
        return boot

    def next_seq(self, peer: str) -> int:
        """Return the number of our next message to a peer."""
        grown = update(SkipPeer).where(SkipPeer.system_id == peer).values(sent_seq=SkipPeer.sent_seq + 1)
        statement = grown.returning(SkipPeer.sent_seq).execution_options(synchronize_session=False)
        with self._catalog.begin() as session:
            seq = session.scalar(statement)
            if seq is None:
                ensure_peer(session, peer, self._clock.now())
                seq = session.scalars(statement).one()
        return seq

    def psks(self, peer: str) -> Sequence[Psk]:
        """Return the secrets shared with a peer, the one to send with first."""
        return self._psks.of(peer)

    def heard(self, sign: Sign, heartbeat: Heartbeat | None, now: datetime) -> Hearing:
        """Note a sign of life, and a new shared secret that it was authenticated with."""
        with self._catalog.begin() as session:
            if heartbeat is None:
                hearing = hear(session, sign, now)[0]
            else:
                hearing = hear_heartbeat(session, sign, heartbeat, now)
            if hearing is not Hearing.STALE and confirm(session, sign.sender, sign.psk_id, now):
                log.warning("skip.psk_confirmed: %s is in force with %s", sign.psk_id, sign.sender)
        return hearing

    def accept(self, sign: Sign, items: Sequence[KeyItem], now: datetime) -> Sequence[KeyVerdict]:
        """Keep keys of a peer, one verdict for each and in their order."""
        # Before anything of a restored database is written or given.
        self.boot()

        def write(sealer: Sealer) -> Sequence[KeyVerdict]:
            with self._noting_full(sign, now), self._catalog.begin() as session:
                return accept(session, Acceptance(sign, items, now, sealer, self._lives), self._sealers)

        return sealed_anew(self._sealers, write)

    def void(self, sign: Sign, key_ids: Sequence[str] | None, now: datetime) -> int:
        """Void a peer's keys by id, or all that are unspent; unknown ids can never be kept afterwards."""
        with self._noting_full(sign, now), self._catalog.begin() as session:
            hearing, peer = hear(session, sign, now)
            if hearing is Hearing.STALE:
                raise MessageRefusedError(Reason.STALE)
            theirs = UnspentKey.origin == sign.sender
            if key_ids is None:
                _verify_newest(peer, sign)
                return len(end(session, KeyState.VOID, theirs))
            # Said again it changes nothing: these ids are never kept.
            added = add_new(session, [self._never(sign.sender, key_id, now) for key_id in set(key_ids)])
            take_room(session, peer, held=0, remembered=len(added), most=self._lives.most_held)
            return len(end(session, KeyState.VOID, theirs, UnspentKey.key_id.in_(key_ids)))

    @contextmanager
    def _noting_full(self, sign: Sign, now: datetime) -> Iterator[None]:
        """Open an alert, in a transaction of its own, where a peer has no room."""
        try:
            yield
        except MessageRefusedError as refused:
            if refused.reason is Reason.FULL:
                with self._catalog.begin() as session:
                    note_full(session, sign.sender, self._lives.most_held, now)
            raise

    def capabilities(self, sign: Sign, told: CapabilityExchange, now: datetime) -> None:
        """Note what a peer says it is and can do."""
        document = {
            "local_id": told.local_id,
            "remote_ids": list(told.remote_ids),
            "algorithm": told.algorithm,
            "profiles": [profile.value for profile in told.profiles],
        }
        with self._catalog.begin() as session:
            hearing, peer = hear(session, sign, now)
            if hearing is not Hearing.STALE:
                peer.capabilities, peer.capabilities_at = document, now

    def told(self, peer: str) -> CapabilityExchange | None:
        """Return what a peer said last of itself."""
        with self._catalog.read() as session:
            known = find_peer(session, peer)
        if known is None or known.capabilities is None:
            return None
        told = known.capabilities
        profiles = tuple(Profile(name) for name in told["profiles"])
        return CapabilityExchange(told["local_id"], tuple(told["remote_ids"]), told["algorithm"], profiles)

    def find_epoch(self, peer: str, number: int) -> Epoch | None:
        """Return an epoch that has not been erased."""
        return self._epoch(select(SkipEpoch).where(SkipEpoch.peer == peer, SkipEpoch.number == number))

    def newest_epoch(self, peer: str) -> Epoch | None:
        """Return the epoch that was agreed last."""
        newest = select(SkipEpoch).where(SkipEpoch.peer == peer)
        return self._epoch(newest.order_by(SkipEpoch.agreed_at.desc(), SkipEpoch.number.desc()).limit(1))

    def store_epoch(self, epoch: Epoch) -> None:
        """Keep an epoch, and erase all of the pair but the newest five."""
        # A new incarnation ends epochs, so it begins before there is one.
        self.boot()

        def write(sealer: Sealer) -> None:
            with self._catalog.begin() as session:
                session.add(_sealed_epoch(epoch, sealer))
                session.flush()
                _erase_old_epochs(session, epoch.peer)

        sealed_anew(self._sealers, write)

    def _epoch(self, query: Select[tuple[SkipEpoch]]) -> Epoch | None:
        with self._catalog.read() as session:
            row = session.scalars(query).one_or_none()
        if row is None:
            return None
        try:
            sealer = self._sealers.get(row.sealing_key_id)
        except SealingKeyGoneError:
            return None
        secret = bytes(sealer.open(_epoch_label(row.peer, row.number), row.sealed))
        return Epoch(row.peer, row.number, secret, row.psk_id, row.agreed_at, row.first_seq)

    def _never(self, origin: str, key_id: str, now: datetime) -> SkipKey:
        until = self._lives.forget_at(now + LONGEST_LIFE + self._lives.window)
        return SkipKey(origin=origin, key_id=key_id, peer=origin, ended=KeyState.VOID, forget_at=until)


def _verify_newest(peer: SkipPeer, sign: Sign) -> None:
    """Refuse what voids all unless it was said after the last such: else it would void what came since.

    Redis may have forgotten it, and one that was stamped ahead is young for a while yet.
    """
    if sign.seq is not None:
        if sign.seq <= peer.voided_seq:
            raise MessageRefusedError(Reason.STALE)
        peer.voided_seq = sign.seq


def _sealed_epoch(epoch: Epoch, sealer: Sealer) -> SkipEpoch:
    return SkipEpoch(
        peer=epoch.peer,
        number=epoch.number,
        sealing_key_id=sealer.id,
        sealed=sealer.seal(_epoch_label(epoch.peer, epoch.number), epoch.secret),
        psk_id=epoch.psk_id,
        agreed_at=epoch.agreed_at,
        first_seq=epoch.first_seq,
    )


def _erase_old_epochs(session: Session, peer: str) -> None:
    newest = select(SkipEpoch.number).where(SkipEpoch.peer == peer)
    kept = session.scalars(newest.order_by(SkipEpoch.agreed_at.desc(), SkipEpoch.number.desc()).limit(EPOCHS_KEPT))
    old = delete(SkipEpoch).where(SkipEpoch.peer == peer, SkipEpoch.number.not_in(kept.all()))
    session.execute(old.execution_options(synchronize_session=False))


def _epoch_label(peer: str, number: int) -> Label:
    return Label("epoch", str(number), peer, "both")
