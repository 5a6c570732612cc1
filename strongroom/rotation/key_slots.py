"""Key slots of backups in the regions: under which key-encryption keys they are, as a listing of each region shows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from strongroom.catalog.key_slots import list_key_slots, record_key_slots
from strongroom.errors import StrongroomError
from strongroom.ids import moment_of
from strongroom.repository.layout import KEYS, slot_parts
from strongroom.services import Services
from strongroom.storage.store import Store


@dataclass(frozen=True, slots=True)
class SlotCount:
    """Slots in one store that a version of a region's KEK opens; `newest` is when its newest backup began."""

    region: str
    version: str
    slots: int
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class RegionSlots:
    """What one region held at the last count; nothing is known of a region that was never counted."""

    region: str
    counts: tuple[SlotCount, ...]
    counted_at: datetime | None


def count_key_slots(services: Services) -> dict[str, str]:
    """List the key slots of every region and note how many each key opens; return what kept regions from answering.

    No object is read and no key is asked for. What was noted of a region that does not answer stays.
    """
    faults = {}
    for name, store in services.stores.items():
        try:
            slots = _count(store)
        except StrongroomError as error:
            faults[name] = error.what
            continue
        with services.catalog.aside() as session:
            record_key_slots(session, name, slots)
    return faults


def describe_key_slots(session: Session, regions: Sequence[str]) -> tuple[RegionSlots, ...]:
    """Return the last count of each of these regions."""
    known = {census.region: census for census in list_key_slots(session)}
    return tuple(
        RegionSlots(name, tuple(map(_read, known[name].slots)), known[name].counted_at)
        if name in known
        else RegionSlots(name, (), None)
        for name in regions
    )


def _count(store: Store) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, str]] = Counter()
    newest: dict[tuple[str, str], str] = {}
    for info in store.list(KEYS):
        parts = slot_parts(info.key)
        if parts is None:
            continue
        backup, *owner = parts
        key = (owner[0], owner[1])
        counts[key] += 1
        if len(backup) == len(UUID(int=0).hex):
            newest[key] = max(newest.get(key, ""), backup)
    return [{"region": r, "version": v, "slots": counts[r, v], "newest": newest.get((r, v))} for r, v in sorted(counts)]


def _read(stored: dict[str, Any]) -> SlotCount:
    newest = stored["newest"]
    return SlotCount(stored["region"], stored["version"], stored["slots"], newest and moment_of(UUID(hex=newest)))


def as_document(found: RegionSlots) -> dict[str, Any]:
    """Return the count of a region for JSON; `counted_at` and `newest` are ISO 8601."""
    keys = [asdict(one) | {"newest": one.newest.isoformat() if one.newest else None} for one in found.counts]
    counted_at = found.counted_at.isoformat() if found.counted_at else None
    return {"region": found.region, "keys": keys, "counted_at": counted_at}
