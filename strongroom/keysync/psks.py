"""Secrets shared with peers: installed on both sides, confirmed by the peer's use, retired and erased."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from strongroom.catalog.session import Catalog
from strongroom.catalog.skip_key_queries import end
from strongroom.catalog.skip_keys import KeyState, UnspentKey
from strongroom.catalog.skip_peers import SkipEpoch, lock_peer
from strongroom.catalog.skip_psks import SkipPsk, list_psks
from strongroom.clock import Clock, RandomBytes
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey
from strongroom.keysync.giving_errors import PskExistsError, SealingKeyGoneError
from strongroom.keysync.keeping import Psk, PskState
from strongroom.keysync.sealing import Label, Sealer

PSK_BYTES = 32
RETRY_FOR = timedelta(minutes=5)
"""For how long a message may be sent again after it was made."""

_ERASED, _REVOKED = "erased", "revoked"
_WITHOUT_BYTES = {"wrapped": None, "sealed": None}


@dataclass(frozen=True, slots=True)
class PskView:
    """What may be shown of a secret."""

    psk_id: str
    state: str
    since: datetime
    confirmed_at: datetime | None


class Psks:
    """The secrets of every pair, sealed in the catalog; what was opened once stays open in this process."""

    def __init__(self, catalog: Catalog, keks: Mapping[str, KekProvider], clock: Clock, random: RandomBytes) -> None:
        self._catalog = catalog
        self._keks = keks
        self._clock = clock
        self._random = random
        self._open: dict[tuple[str, str, bytes], bytes] = {}

    def __repr__(self) -> str:
        return "Psks(hidden)"

    def of(self, peer: str) -> list[Psk]:
        """Return the secrets in force with a peer, the one to send with first."""
        with self._catalog.read() as session:
            rows = [row for row in list_psks(session, peer) if row.sealed is not None]
        self._close_others(peer, {row.sealed for row in rows})
        order = (PskState.CURRENT, PskState.NEXT, PskState.RETIRING)
        found = [Psk(row.psk_id, PskState(row.state), self._secret(row)) for row in rows]
        return sorted(found, key=lambda psk: order.index(psk.state))

    def views(self, peer: str) -> list[PskView]:
        """Return what may be shown of them, erased and revoked ones too, oldest first."""
        with self._catalog.read() as session:
            return [PskView(row.psk_id, row.state, row.since, row.confirmed_at) for row in list_psks(session, peer)]

    def install(self, peer: str, psk_id: str, secret: bytes) -> PskState:
        """Keep a secret: the first of a pair is in force at once, a later one when the peer has used it.

        Raises PskExistsError where the id was used before, or another one is waiting to be confirmed.
        """
        now = self._clock.now()
        region = next(iter(self._keks))
        key, wrapped = self._keks[region].generate(_context(peer, psk_id))
        sealed = self._sealer(key).seal(_label(peer, psk_id), secret)
        with self._catalog.begin() as session:
            # Rows that nobody has written yet have no lock: of two at once the second sees what the first has kept.
            lock_peer(session, peer, now)
            rows = list_psks(session, peer, lock=True)
            _verify_free(rows, psk_id)
            state = PskState.NEXT if any(row.state == PskState.CURRENT for row in rows) else PskState.CURRENT
            session.add(
                SkipPsk(
                    peer=peer,
                    psk_id=psk_id,
                    state=state.value,
                    region=region,
                    provider=wrapped.provider,
                    version=wrapped.version,
                    wrapped=wrapped.ciphertext,
                    sealed=sealed,
                    created_at=now,
                    since=now,
                )
            )
        return state

    def give_up(self, peer: str) -> list[str]:
        """Drop a secret that waits for the peer to use it; return its id, which never comes back, or nothing."""
        waiting = update(SkipPsk).where(SkipPsk.peer == peer, SkipPsk.state == PskState.NEXT.value)
        erased = waiting.values(_WITHOUT_BYTES | {"state": _ERASED, "since": self._clock.now()})
        with self._catalog.begin() as session:
            return list(session.scalars(erased.returning(SkipPsk.psk_id)))

    def revoke(self, peer: str) -> int:
        """Drop every secret of a pair at once and void its keys; return how many were unspent."""
        now = self._clock.now()
        dropped = _WITHOUT_BYTES | {"state": _REVOKED, "since": now}
        with self._catalog.begin() as session:
            session.execute(update(SkipPsk).where(SkipPsk.peer == peer).values(dropped))
            session.execute(delete(SkipEpoch).where(SkipEpoch.peer == peer))
            voided = end(session, KeyState.VOID, UnspentKey.peer == peer)
        self._open.clear()
        return len(voided)

    def rewrap(self, region: str | None = None) -> int:
        """Move every secret, by default of every region, to the present version of its KEK; return how many moved.

        They are not shown. So an earlier version of the KEK can be destroyed, as after a rotation of the region's keys.
        """
        with self._catalog.read() as session:
            rows = session.scalars(select(SkipPsk).where(SkipPsk.wrapped.is_not(None))).all()
        regions = {row.region for row in rows if row.region in self._keks and region in (None, row.region)}
        present = {name: self._keks[name].current_version() for name in regions}
        return sum(self._rewrap(row) for row in rows if present.get(row.region, row.version) != row.version)

    def _rewrap(self, row: SkipPsk) -> bool:
        held = WrappedKey(row.provider, row.version, row.wrapped or b"")
        new = self._keks[row.region].rewrap(held, _context(row.peer, row.psk_id))
        same = (SkipPsk.peer == row.peer, SkipPsk.psk_id == row.psk_id, SkipPsk.wrapped == row.wrapped)
        moved = update(SkipPsk).where(*same).values(version=new.version, wrapped=new.ciphertext)
        with self._catalog.begin() as session:
            return session.scalar(moved.returning(SkipPsk.psk_id)) is not None

    def _close_others(self, peer: str, sealed: set[bytes | None]) -> None:
        """Drop what this process opened and another one erased or revoked."""
        for place in list(self._open):
            if place[0] == peer and place[2] not in sealed:
                self._open.pop(place, None)

    def _secret(self, row: SkipPsk) -> bytes:
        if row.wrapped is None or row.sealed is None:
            raise AssertionError("a secret that is in force has bytes")
        place = (row.peer, row.psk_id, row.sealed)
        if place not in self._open:
            kek = self._keks.get(row.region)
            if kek is None:
                raise SealingKeyGoneError(
                    f"The secret {row.psk_id} is sealed with the key of region {row.region}, which is not configured.",
                    next_step=f"Put the region back, or give the pair with {row.peer} a new secret.",
                )
            held = WrappedKey(row.provider, row.version, row.wrapped)
            key = kek.unwrap(held, _context(row.peer, row.psk_id))
            self._open[place] = bytes(self._sealer(key).open(_label(row.peer, row.psk_id), row.sealed))
        return self._open[place]

    def _sealer(self, key: SecretKey) -> Sealer:
        return Sealer(uuid.UUID(int=0), key, self._random)


def confirm(session: Session, peer: str, psk_id: str, now: datetime) -> bool:
    """Note that the peer has used a secret: one that waited for it is sent with from now on, and the old one retires.

    Says whether it was so.
    """
    waiting = update(SkipPsk).where(
        SkipPsk.peer == peer, SkipPsk.psk_id == psk_id, SkipPsk.state == PskState.NEXT.value
    )
    mark = waiting.values(state="confirmed", confirmed_at=now, since=now).returning(SkipPsk.psk_id)
    if session.scalar(mark) is None:
        return False
    for old, new in ((PskState.CURRENT.value, PskState.RETIRING.value), ("confirmed", PskState.CURRENT.value)):
        moved = update(SkipPsk).where(SkipPsk.peer == peer, SkipPsk.state == old).values(state=new, since=now)
        session.execute(moved.execution_options(synchronize_session=False))
    return True


def erase_retired(session: Session, now: datetime, window: timedelta) -> int:
    """Erase secrets that no message can have been made with any more, and their epochs; return how many.

    Their ids stay, so that none is installed again.
    """
    until = now - 2 * window - RETRY_FOR
    old = update(SkipPsk).where(SkipPsk.state == PskState.RETIRING.value, SkipPsk.since <= until)
    erasing = old.values(_WITHOUT_BYTES | {"state": _ERASED, "since": now}).returning(SkipPsk.peer, SkipPsk.psk_id)
    erased = session.execute(erasing.execution_options(synchronize_session=False)).all()
    for peer, psk_id in erased:
        session.execute(delete(SkipEpoch).where(SkipEpoch.peer == peer, SkipEpoch.psk_id == psk_id))
    return len(erased)


def _verify_free(rows: Sequence[SkipPsk], psk_id: str) -> None:
    for row in rows:
        if row.psk_id == psk_id or row.state == PskState.NEXT:
            raise PskExistsError(
                f"A secret {row.psk_id!r} is {row.state} for this pair.",
                next_step="Install it on the other side too and wait for the peer to use it. Where each side has made "
                "one, give one of them up with `strongroom peers rotate-psk NAME --cancel` and read the other's.",
            )


def _label(peer: str, psk_id: str) -> Label:
    return Label("psk", psk_id, peer, "both")


def _context(peer: str, psk_id: str) -> dict[str, str]:
    return {"purpose": "skip-psk", "peer": peer, "psk_id": psk_id}
