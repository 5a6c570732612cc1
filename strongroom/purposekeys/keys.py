"""The key of each purpose, opened once by each process, with the KEK of any region that has a slot for it."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from strongroom.catalog.inserting import insert_of
from strongroom.catalog.purpose_keys import PurposeKey, PurposeKeySlot, list_slots
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock
from strongroom.errors import StrongroomError
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey
from strongroom.purposekeys.errors import PurposeKeyGoneError

log = logging.getLogger(__name__)

Slot = PurposeKey | PurposeKeySlot


class Purpose(StrEnum):
    """What a key is for; no key has two. The values are in what wraps them and never change."""

    ACCESS_TOKENS = "access-tokens"
    REFRESH_TOKENS = "refresh-tokens"
    MFA_TOKENS = "mfa-tokens"
    ENROLL_TOKENS = "enroll-tokens"
    BACKUP_CODES = "backup-codes"
    FACTORS = "factors"
    """The ring of the column that holds secrets of second factors."""
    AUDIT = "audit"
    STEP_UP = "step-up"


class PurposeKeys:
    """Makes the key of a purpose when it is first asked for, and keeps what it has opened; safe between threads.

    The key is a data key of the home region's KEK, 32 bytes, and is wrapped under the KEK of every other region too, so
    that losing one region loses no key; its context is `purpose` = `strongroom <purpose> 1`.
    """

    def __init__(self, catalog: Catalog, keks: Mapping[str, KekProvider], clock: Clock) -> None:
        self._catalog = catalog
        self._keks = keks
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[Purpose, SecretKey] = {}

    def __repr__(self) -> str:
        return f"PurposeKeys({len(self._open)} open)"

    def get(self, purpose: Purpose) -> SecretKey:
        """Return the key of a purpose; raises PurposeKeyGoneError, CatalogUnavailableError, and as KekProvider.

        What no process has asked for before is made in a transaction of its own: ask before opening another.
        """
        with self._lock:
            if purpose not in self._open:
                row = self._find(purpose)
                self._open[purpose] = self._make(purpose) if row is None else self._open_one(row, self._slots_of(row))
            return self._open[purpose]

    def get_within(self, session: Session, purpose: Purpose) -> SecretKey:
        """Return the key of a purpose, as get does, to whoever is in a transaction already; nothing is waited for.

        What no process has asked for before is made in that transaction, and is there for others when it commits.
        """
        known = self._open.get(purpose)
        if known is not None:
            return known
        row = session.get(PurposeKey, purpose.value)
        if row is None:
            return self._unwrap(self._insert(session, self._sealed(purpose)))
        self._open[purpose] = self._open_one(row, lambda: list_slots(session, purpose.value))
        return self._open[purpose]

    def rewrap(self, region: str) -> int:
        """Move every key of a region to the present version of its KEK, without showing them; return how many moved."""
        with self._catalog.read() as session:
            rows = [row for row in _all_slots(session) if row.region == region]
        present = self._keks[region].current_version() if rows else ""
        return sum(self._rewrap(row) for row in rows if row.version != present)

    def spread(self) -> int:
        """Wrap every key under the KEK of each region that lacks it; return how many slots that gave.

        A region whose KEK does not answer gets its slots another time. Raises CatalogUnavailableError.
        """
        with self._catalog.read() as session:
            there = {(row.purpose, row.region) for row in _all_slots(session)}
        known = {purpose for purpose, _ in there} & set(Purpose)
        return sum(
            self._add_slot(purpose, region, self.get(purpose))
            for purpose in sorted(map(Purpose, known))
            for region in self._keks
            if (purpose.value, region) not in there
        )

    def _add_slot(self, purpose: Purpose, region: str, key: SecretKey) -> bool:
        try:
            wrapped = self._keks[region].wrap(key, _context(purpose.value))
        except StrongroomError as error:
            log.warning("region %s has no slot for the key of %s yet: %s", region, purpose.value, error.what)
            return False
        with self._catalog.aside() as session:
            new = _insert_into(session, PurposeKeySlot, self._values(purpose, region, wrapped))
            return session.scalar(new.returning(PurposeKeySlot.region)) is not None

    def _rewrap(self, row: Slot) -> bool:
        new, table = self._keks[row.region].rewrap(_wrapped(row), _context(row.purpose)), type(row)
        same = (table.purpose == row.purpose, table.region == row.region, table.wrapped == row.wrapped)
        moved = update(table).where(*same).values(version=new.version, wrapped=new.ciphertext)
        with self._catalog.begin() as session:
            return session.scalar(moved.returning(table.purpose)) is not None

    def _slots_of(self, row: PurposeKey) -> Callable[[], Sequence[PurposeKeySlot]]:
        def read() -> Sequence[PurposeKeySlot]:
            with self._catalog.read() as session:
                return list_slots(session, row.purpose)

        return read

    def _find(self, purpose: Purpose) -> PurposeKey | None:
        with self._catalog.read() as session:
            return session.get(PurposeKey, purpose.value)

    def _make(self, purpose: Purpose) -> SecretKey:
        values = self._sealed(purpose)
        # It is no part of what anybody asked for that a key is made on the way.
        with self._catalog.aside() as session:
            row = self._insert(session, values)
        key = self._unwrap(row)
        for region in self._keks:
            if region != row.region:
                self._add_slot(purpose, region, key)
        return key

    def _sealed(self, purpose: Purpose) -> dict[str, Any]:
        """Return the row of a new key."""
        region = next(iter(self._keks))
        _, wrapped = self._keks[region].generate(_context(purpose.value))
        return self._values(purpose, region, wrapped)

    def _values(self, purpose: Purpose, region: str, wrapped: WrappedKey) -> dict[str, Any]:
        return {
            "purpose": purpose.value,
            "region": region,
            "provider": wrapped.provider,
            "version": wrapped.version,
            "wrapped": wrapped.ciphertext,
            "created_at": self._clock.now(),
        }

    @staticmethod
    def _insert(session: Session, values: dict[str, Any]) -> PurposeKey:
        session.execute(_insert_into(session, PurposeKey, values))
        # Another process may have been first; then its key is the one.
        return session.get_one(PurposeKey, values["purpose"])

    def _open_one(self, row: PurposeKey, slots: Callable[[], Sequence[PurposeKeySlot]]) -> SecretKey:
        """Open a key with the region it was made in, else with the first of the others that can."""
        try:
            return self._unwrap(row)
        except StrongroomError as error:
            key = self._open_elsewhere(slots())
            if key is None:
                raise
            log.warning("the key of %s was opened with the key of another region: %s", row.purpose, error.what)
            return key

    def _open_elsewhere(self, slots: Sequence[PurposeKeySlot]) -> SecretKey | None:
        for slot in slots:
            try:
                return self._unwrap(slot)
            except StrongroomError as error:
                log.warning("region %s does not open the key of %s either: %s", slot.region, slot.purpose, error.what)
        return None

    def _unwrap(self, row: Slot) -> SecretKey:
        kek = self._keks.get(row.region)
        if kek is None:
            raise PurposeKeyGoneError(
                f"The key for {row.purpose} is wrapped under the key of region {row.region}, which is not configured.",
                next_step="Put the region back into the settings, with its key.",
            )
        return kek.unwrap(_wrapped(row), _context(row.purpose))


def _all_slots(session: Session) -> list[Slot]:
    return [*session.scalars(select(PurposeKey)), *session.scalars(select(PurposeKeySlot))]


def _insert_into(session: Session, table: type[Slot], values: dict[str, Any]) -> Any:
    return insert_of(session)(table).values(values).on_conflict_do_nothing()


def _wrapped(row: Slot) -> WrappedKey:
    return WrappedKey(row.provider, row.version, row.wrapped)


def _context(purpose: str) -> dict[str, str]:
    return {"purpose": f"strongroom {purpose} 1"}
