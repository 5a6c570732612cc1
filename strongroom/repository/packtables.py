"""Packs that list packs: what many backups have in common in their manifests is stored once.

A table is a pack with one frame of kind PACKS: a msgpack array of rows as in a manifest. A manifest names the table and
thereby all its packs. A table holds nothing else and is used as a whole or not at all, so that a backup never carries
the key of a pack that it does not need: deleting the other backups' key slots shreds what only they used.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from strongroom.repository.errors import TamperedError
from strongroom.repository.frame import FrameKind
from strongroom.repository.head import ManifestHead, PackRef, PackTable
from strongroom.repository.manifest import verify_ordinals
from strongroom.repository.packcache import fetch_pack
from strongroom.storage.store import Store

LOOSE_ROWS = 16
"""Packs that a manifest lists itself before it has tables made; each row takes some 70 bytes in every manifest."""
TABLE_ROWS = 1024
MAX_SMALL_TABLES = 16

_DECODER = msgspec.msgpack.Decoder(list[PackRef])


@dataclass(frozen=True, slots=True)
class TablePlan:
    """Tables that are taken over from the parent, and the rows of those that are to be written."""

    kept: tuple[PackTable, ...]
    new: tuple[tuple[PackRef, ...], ...]


def plan_tables(packs: Sequence[PackRef], known: Iterable[PackTable]) -> TablePlan:
    """Decide how a manifest lists its packs; known are the parent's tables."""
    needed = {pack.ordinal for pack in packs}
    kept = [table for table in known if needed.issuperset(pack.ordinal for pack in table.rows)]
    if len(kept) > MAX_SMALL_TABLES:
        kept = [table for table in kept if table.count == TABLE_ROWS]
    listed = {pack.ordinal for table in kept for pack in table.rows} | {table.pack for table in kept}
    loose = [pack for pack in packs if pack.ordinal not in listed]
    new = list(_cut(loose)) if len(loose) > LOOSE_ROWS else []
    return TablePlan(tuple(kept), tuple(new))


def encode_table(rows: Sequence[PackRef]) -> bytes:
    """Return the plaintext of a table's frame."""
    return msgspec.msgpack.encode(rows)


def read_tables(store: Store, head: ManifestHead) -> ManifestHead:
    """Add the packs that a manifest's tables list.

    Raises MissingObjectError, TruncatedError, TamperedError or UnknownVersionError.
    """
    if not head.tables:
        return head
    refs = {pack.ordinal: pack for pack in head.packs}
    tables = tuple(_read(store, head, refs, table) for table in head.tables)
    packs = sorted((*head.packs, *(pack for table in tables for pack in table.rows)), key=lambda pack: pack.ordinal)
    complete = dataclasses.replace(head, packs=tuple(packs), tables=tables)
    verify_ordinals(complete)
    return complete


def _cut(rows: list[PackRef]) -> Iterator[tuple[PackRef, ...]]:
    for start in range(0, len(rows), TABLE_ROWS):
        yield tuple(rows[start : start + TABLE_ROWS])


def _read(store: Store, head: ManifestHead, refs: dict[int, PackRef], table: PackTable) -> PackTable:
    ref = refs.get(table.pack)
    if ref is None:
        raise TamperedError(f"The manifest of backup {head.backup_id} names a table of packs that it does not list.")
    pack = fetch_pack(store, head.repo, ref)
    if [row.kind for row in pack.rows] != [FrameKind.PACKS]:
        raise TamperedError(f"The table of packs of backup {head.backup_id} is no table.")
    try:
        rows = tuple(_DECODER.decode(pack.read(0)))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise TamperedError(f"The table of packs of backup {head.backup_id} does not hold packs.") from None
    if len(rows) != table.count:
        raise TamperedError(f"The table of packs of backup {head.backup_id} has another length than the manifest says.")
    return PackTable(table.pack, table.count, rows)
