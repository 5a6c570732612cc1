"""Key bytes at rest: sealed under data keys of their own, which a KEK wraps and which are thrown away in time."""

import contextlib
import hashlib
import hmac
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from strongroom.catalog.session import Catalog
from strongroom.catalog.skip_keys import SealingKey, SkipKey, UnspentKey
from strongroom.catalog.skip_peers import SkipEpoch
from strongroom.clock import Clock, RandomBytes
from strongroom.ids import id_at
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey
from strongroom.keysync.giving_errors import SealedKeyError, SealingKeyGoneError

ResultT = TypeVar("ResultT")

LAYOUT = b"\x01"
NONCE_BYTES = 12
TAG_BYTES = 16
ROTATE_AFTER = timedelta(hours=1)
_LOOK_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Label:
    """What sealed bytes belong to: they open under no other label."""

    origin: str
    name: str
    """Key id, or what else it is."""
    peer: str
    direction: str

    def encode(self) -> bytes:
        """Return the associated data: `strongroom-skip 1`, origin, name, peer and direction, a newline between each."""
        return "\n".join(("strongroom-skip 1", self.origin, self.name, self.peer, self.direction)).encode()


class Sealer:
    """One open data key.

    Sealed bytes: layout number 1 (1 byte), random nonce (12), sealed key (as long as the key), tag (16). AES-256-GCM
    under HKDF-Expand-SHA256(data key, info `strongroom skip seal 1`), with the label as associated data.
    """

    def __init__(self, key_id: uuid.UUID, key: SecretKey, random: RandomBytes) -> None:
        self.id = key_id
        self._cipher = AESGCM(_derived(key, b"strongroom skip seal 1"))
        self._digest_key = _derived(key, b"strongroom skip fingerprint 1")
        self._random = random

    def __repr__(self) -> str:
        return f"Sealer({self.id})"

    def seal(self, label: Label, secret: bytes) -> bytes:
        """Return the sealed bytes."""
        nonce = self._random(NONCE_BYTES)
        return LAYOUT + nonce + self._cipher.encrypt(nonce, secret, label.encode())

    def open(self, label: Label, sealed: bytes) -> bytearray:
        """Return the secret, which the caller may wipe; raises SealedKeyError for another label or changed bytes."""
        secret = bytearray(max(0, len(sealed) - 1 - NONCE_BYTES - TAG_BYTES))
        nonce, text = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            if sealed[:1] != LAYOUT or len(text) < TAG_BYTES:
                raise InvalidTag
            self._cipher.decrypt_into(nonce, text, label.encode(), secret)
        except InvalidTag:
            raise SealedKeyError(
                f"What the catalog holds of key {label.name[:64]} of {label.origin[:64]} was changed or moved.",
                next_step="Void the keys of this pair: `strongroom peers revoke`, then pair again.",
            ) from None
        return secret

    def fingerprint(self, label: Label, secret: bytes) -> bytes:
        """Return 32 bytes that are equal for equal secrets, HMAC-SHA256 under a key of its own, and tell nothing."""
        return hmac.new(self._digest_key, label.encode() + b"\n" + secret, hashlib.sha256).digest()


class Sealers:
    """The data keys of an installation, opened once by each process; one is written with for an hour.

    Inside a transaction only `get` may be called, with its session: the others have transactions of their own.
    """

    def __init__(self, catalog: Catalog, keks: Mapping[str, KekProvider], clock: Clock, random: RandomBytes) -> None:
        self._catalog = catalog
        self._keks = keks
        self._clock = clock
        self._random = random
        self._lock = threading.Lock()
        self._open: dict[uuid.UUID, Sealer] = {}
        self._current: tuple[uuid.UUID, datetime] | None = None
        self._looked = float("-inf")

    def __repr__(self) -> str:
        return f"Sealers({len(self._open)} open)"

    def current(self) -> Sealer:
        """Return the one to seal with, a new one after an hour; raises UnavailableError, and as KekProvider."""
        with self._lock:
            now = self._clock.now()
            if self._current is None or now - self._current[1] >= ROTATE_AFTER:
                self._current = self._newest(now) or self._make(now)
                self._close_others()
            return self._get(self._current[0])

    def get(self, key_id: uuid.UUID, session: Session | None = None) -> Sealer:
        """Return one by its id; raises SealingKeyGoneError once it was thrown away."""
        with self._lock:
            return self._get(key_id, session)

    def make_ready(self) -> None:
        """Open all there are, so that no key is spent that cannot be opened; looks at the catalog every few seconds."""
        with self._lock:
            if self._clock.monotonic() - self._looked < _LOOK_EVERY_SECONDS:
                return
            for key_id in self._close_others():
                with contextlib.suppress(SealingKeyGoneError):
                    self._get(key_id)
            self._looked = self._clock.monotonic()

    def rewrap(self, region: str | None = None) -> int:
        """Move every data key, by default of every region, to the present version of its KEK; return how many moved.

        They are not shown. Raises as KekProvider.
        """
        with self._catalog.read() as session:
            rows = session.scalars(select(SealingKey)).all()
        regions = {row.region for row in rows if row.region in self._keks and region in (None, row.region)}
        present = {name: self._keks[name].current_version() for name in regions}
        return sum(self._rewrap(row) for row in rows if present.get(row.region, row.version) != row.version)

    def _rewrap(self, row: SealingKey) -> bool:
        held = WrappedKey(row.provider, row.version, row.wrapped)
        new = self._keks[row.region].rewrap(held, _context(row.id))
        same = (SealingKey.id == row.id, SealingKey.wrapped == row.wrapped)
        moved = update(SealingKey).where(*same).values(version=new.version, wrapped=new.ciphertext)
        with self._catalog.begin() as session:
            return session.scalar(moved.returning(SealingKey.id)) is not None

    def forget(self) -> None:
        """Look for everything anew: the keys were thrown away."""
        with self._lock:
            self._open.clear()
            self._current, self._looked = None, float("-inf")

    def _close_others(self) -> Sequence[uuid.UUID]:
        """Drop what was opened and thrown away since, and return the ids of what there is."""
        with self._catalog.read() as session:
            known = session.scalars(select(SealingKey.id)).all()
        self._open = {key_id: sealer for key_id, sealer in self._open.items() if key_id in known}
        return known

    def _newest(self, now: datetime) -> tuple[uuid.UUID, datetime] | None:
        newest = select(SealingKey).order_by(SealingKey.created_at.desc()).limit(1)
        with self._catalog.read() as session:
            row = session.scalars(newest).one_or_none()
        return None if row is None or now - row.created_at >= ROTATE_AFTER else (row.id, row.created_at)

    def _make(self, now: datetime) -> tuple[uuid.UUID, datetime]:
        key_id, region = id_at(now, self._random), next(iter(self._keks))
        key, wrapped = self._keks[region].generate(_context(key_id))
        with self._catalog.begin() as session:
            session.add(
                SealingKey(
                    id=key_id,
                    region=region,
                    provider=wrapped.provider,
                    version=wrapped.version,
                    wrapped=wrapped.ciphertext,
                    created_at=now,
                )
            )
        self._open[key_id] = Sealer(key_id, key, self._random)
        return key_id, now

    def _get(self, key_id: uuid.UUID, session: Session | None = None) -> Sealer:
        found = self._open.get(key_id)
        if found is None:
            row = self._row(key_id) if session is None else session.get(SealingKey, key_id)
            found = self._open[key_id] = Sealer(key_id, self._unwrap(key_id, row), self._random)
        return found

    def _row(self, key_id: uuid.UUID) -> SealingKey | None:
        with self._catalog.read() as session:
            return session.get(SealingKey, key_id)

    def _unwrap(self, key_id: uuid.UUID, row: SealingKey | None) -> SecretKey:
        kek = None if row is None else self._keks.get(row.region)
        if row is None or kek is None:
            raise SealingKeyGoneError(
                "The data key that this key was sealed with was thrown away, or its region is no longer configured.",
                next_step="Nothing to do: peers are sent new keys.",
            )
        return kek.unwrap(WrappedKey(row.provider, row.version, row.wrapped), _context(key_id))


def sealed_anew(sealers: Sealers, write: Callable[[Sealer], ResultT]) -> ResultT:
    """Write what is sealed with the current data key; once more where that was thrown away meanwhile.

    `write` is one transaction. Raises SealingKeyGoneError where it happens twice.
    """
    try:
        return write(sealers.current())
    except IntegrityError:
        sealers.forget()
    try:
        return write(sealers.current())
    except IntegrityError as error:
        raise SealingKeyGoneError("Every key was voided meanwhile.", next_step="Ask again.") from error


def throw_away(session: Session, now: datetime) -> int:
    """Delete data keys that are written with no more and that nothing is sealed with; return how many."""
    old = session.scalars(
        select(SealingKey).where(
            SealingKey.created_at <= now - ROTATE_AFTER - timedelta(minutes=5),
            ~exists().where(UnspentKey.sealing_key_id == SealingKey.id),
            ~exists().where(SkipKey.sealing_key_id == SealingKey.id),
            ~exists().where(SkipEpoch.sealing_key_id == SealingKey.id),
        )
    ).all()
    for row in old:
        session.delete(row)
    return len(old)


def _context(key_id: uuid.UUID) -> dict[str, str]:
    return {"purpose": "skip-keys", "sealing_key": str(key_id)}


def _derived(key: SecretKey, info: bytes) -> bytes:
    return HKDFExpand(algorithm=hashes.SHA256(), length=32, info=info).derive(key.reveal())
