"""The key of each purpose, opened once by each process."""

import threading
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from strongroom.catalog.purpose_keys import PurposeKey
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey
from strongroom.purposekeys.errors import PurposeKeyGoneError


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

    The key is a data key of the home region's KEK, 32 bytes; its context is `purpose` = `strongroom <purpose> 1`.
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
                row = self._find(purpose) or self._make(purpose)
                self._open[purpose] = self._unwrap(row)
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
        self._open[purpose] = self._unwrap(row)
        return self._open[purpose]

    def rewrap(self, region: str) -> int:
        """Move every key of a region to the present version of its KEK, without showing them; return how many moved."""
        with self._catalog.read() as session:
            rows = session.scalars(select(PurposeKey).where(PurposeKey.region == region)).all()
        present = self._keks[region].current_version() if rows else ""
        return sum(self._rewrap(row) for row in rows if row.version != present)

    def _rewrap(self, row: PurposeKey) -> bool:
        new = self._keks[row.region].rewrap(_wrapped(row), _context(row.purpose))
        same = (PurposeKey.purpose == row.purpose, PurposeKey.wrapped == row.wrapped)
        moved = update(PurposeKey).where(*same).values(version=new.version, wrapped=new.ciphertext)
        with self._catalog.begin() as session:
            return session.scalar(moved.returning(PurposeKey.purpose)) is not None

    def _find(self, purpose: Purpose) -> PurposeKey | None:
        with self._catalog.read() as session:
            return session.get(PurposeKey, purpose.value)

    def _make(self, purpose: Purpose) -> PurposeKey:
        values = self._sealed(purpose)
        # It is no part of what anybody asked for that a key is made on the way.
        with self._catalog.aside() as session:
            return self._insert(session, values)

    def _sealed(self, purpose: Purpose) -> dict[str, Any]:
        """Return the row of a new key."""
        region = next(iter(self._keks))
        _, wrapped = self._keks[region].generate(_context(purpose.value))
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
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        session.execute(insert(PurposeKey).values(values).on_conflict_do_nothing())
        # Another process may have been first; then its key is the one.
        return session.get_one(PurposeKey, values["purpose"])

    def _unwrap(self, row: PurposeKey) -> SecretKey:
        kek = self._keks.get(row.region)
        if kek is None:
            raise PurposeKeyGoneError(
                f"The key for {row.purpose} is wrapped under the key of region {row.region}, which is not configured.",
                next_step="Put the region back into the settings, with its key.",
            )
        return kek.unwrap(_wrapped(row), _context(row.purpose))


def _wrapped(row: PurposeKey) -> WrappedKey:
    return WrappedKey(row.provider, row.version, row.wrapped)


def _context(purpose: str) -> dict[str, str]:
    return {"purpose": f"strongroom {purpose} 1"}
