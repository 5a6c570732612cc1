"""How `strongroom secrets list` shows who uses a version of the keys, and which keys the slots in regions are under."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from strongroom.cli.figures import moment
from strongroom.cli.secrets.speaking import Speaker
from strongroom.columnkeys.ring import KeyState, KeyVersion
from strongroom.rotation.key_slots import RegionSlots, SlotCount
from strongroom.rotation.usage import USERS, VersionUsage


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalog knows: the usage of each version, and the key slots of each region."""

    usage: Mapping[str, VersionUsage] = field(default_factory=dict)
    slots: Sequence[RegionSlots] = ()
    worn: Sequence[str] = ()
    """Columns in which the active version has encrypted nearly as much as it may."""


def usage_lines(speaker: Speaker, version: KeyVersion, usage: VersionUsage | None) -> Iterator[str]:
    """Return a line for each use of a version, and one for when it was last written under."""
    if usage is None:
        return
    for counter in USERS:
        for use in usage.uses[counter.kind]:
            if use.count is None:
                yield speaker.text("rows of {place}: not counted yet (list --count)", place=use.place)
            elif use.count or use.place:
                values = {"count": use.count, "place": use.place, "when": moment(use.counted_at)}
                yield speaker.text(counter.sentence, **values)
    # Where no column is registered nobody is asked about, and the list is as short as that of a ring alone.
    if usage.uses["rows"]:
        yield from _last_use(speaker, version, usage)


def show_key_slots(speaker: Speaker, regions: Sequence[RegionSlots]) -> None:
    """Show the key slots of each region by the keys that open them."""
    if not regions:
        return
    speaker.line()
    speaker.line("Key slots of backups, by region and the key that opens them:")
    for found in regions:
        if found.counted_at is None:
            speaker.line("  - {region}: not counted yet (list --count)", region=found.region)
            continue
        speaker.line("  - {region} (counted {when})", region=found.region, when=moment(found.counted_at))
        for one in found.counts:
            speaker.line("      {line}", line=_slots(speaker, one))


def usage_document(usage: VersionUsage | None) -> dict[str, Any] | None:
    """Return the usage of a version for JSON: a list of uses for each kind."""
    if usage is None:
        return None
    uses = {
        kind: [asdict(use) | {"counted_at": iso(use.counted_at)} for use in found] for kind, found in usage.uses.items()
    }
    return {**uses, "written_until": iso(usage.written_until)}


def iso(when: datetime | None) -> str | None:
    """Write a point in time for JSON."""
    return when.isoformat() if when else None


def _slots(speaker: Speaker, one: SlotCount) -> str:
    values = {"region": one.region, "version": one.version, "slots": one.slots}
    if one.newest is None:
        return speaker.text("{region} {version}: {slots} slots", **values)
    return speaker.text("{region} {version}: {slots} slots, newest backup of {when}", **values, when=moment(one.newest))


def _last_use(speaker: Speaker, version: KeyVersion, usage: VersionUsage) -> Iterator[str]:
    if version.state is KeyState.ACTIVE:
        yield speaker.text("written under now")
    elif version.state is KeyState.PENDING:
        yield speaker.text("not written under yet")
    elif usage.written_until is None:
        yield speaker.text("nobody noted until when it was written under")
    elif version.state is KeyState.DISABLED:
        yield speaker.text("not used since {when}", when=moment(usage.written_until))
    else:
        yield speaker.text("written under until {when}", when=moment(usage.written_until))
