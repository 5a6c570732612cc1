"""Reading packs back and decrypting them: those that went unread for longest, or all of them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from strongroom.catalog.region_verifications import (
    Copy,
    PackReading,
    add_packs,
    iterate_packs,
    list_unread,
    mark_read,
    remove_packs,
)
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock
from strongroom.errors import StrongroomError
from strongroom.jobs.progress import JobProgress
from strongroom.repository.ahead import ahead
from strongroom.repository.check import check_pack
from strongroom.repository.head import PackRef
from strongroom.repository.layout import pack_key
from strongroom.storage.store import Evidence
from strongroom.upkeep.held import Held

PACKS_AT_A_TIME = 2048
PACKS_BETWEEN_NOTES = 64
JUST_BEFORE = timedelta(seconds=1)


@dataclass(slots=True)
class Portion:
    """How much is read: `wanted` bytes and whatever is overdue, but never more than `most` bytes.

    `begun` is when the check began, and packs read since then are left alone; `overdue` is the moment before which
    nothing may have been unread.
    """

    begun: datetime
    overdue: datetime
    wanted: float
    most: float
    spent: int = 0

    def take(self, packs: Sequence[PackReading]) -> list[PackReading]:
        """Return those packs, from the first on, that the portion still has room for."""
        taken = []
        for pack in packs:
            due = self.spent < self.wanted or pack.unread_since < self.overdue
            if not due or self.spent + pack.size > self.most:
                break
            self.spent += pack.size
            taken.append(pack)
        return taken


class PackSurvey:
    """Which packs the copies of a region need, and a copy that needs each; notes new packs in the catalog.

    A pack that is new to the catalog counts as unread since just before the check began, `begun`.
    Keeps some 150 bytes in memory for each pack of the region: 20 MB for a terabyte in packs of 8 MiB.
    """

    def __init__(self, held: Held, catalog: Catalog, begun: datetime) -> None:
        self._held = held
        self._catalog = catalog
        self._since = begun - JUST_BEFORE
        self._needed_by: dict[bytes, Copy] = {}

    def run(self) -> None:
        """Open every manifest and bring the list of packs in the catalog up to date."""
        for copy, head in self._held.heads():
            fresh = [(pack.sha256, pack.size) for pack in head.packs if pack.sha256 not in self._needed_by]
            self._needed_by.update((sha256, copy) for sha256, _ in fresh)
            with self._catalog.begin() as session:
                add_packs(session, self._held.store.region, fresh, self._since)
        if not self._held.findings.damage:
            # Where a manifest could not be read, what it needs is not known, and is not forgotten.
            self._forget_others()

    def copies(self, packs: Sequence[PackReading]) -> dict[Copy, set[bytes]]:
        """Return the packs by a copy that needs them."""
        needed = defaultdict[Copy, set[bytes]](set)
        for pack in packs:
            if pack.sha256 in self._needed_by:
                needed[self._needed_by[pack.sha256]].add(pack.sha256)
        return needed

    def _forget_others(self) -> None:
        region = self._held.store.region
        with self._catalog.read() as session:
            gone = [sha256 for sha256 in iterate_packs(session, region) if sha256 not in self._needed_by]
        with self._catalog.begin() as session:
            remove_packs(session, region, gone)


class PackReader:
    """Reads a portion of a region's packs, and notes each that was whole."""

    def __init__(self, held: Held, survey: PackSurvey, catalog: Catalog, clock: Clock, *, threads: int) -> None:
        self._held = held
        self._survey = survey
        self._catalog = catalog
        self._clock = clock
        self._threads = threads
        self._broken: dict[bytes, StrongroomError] = {}

    def run(self, portion: Portion) -> None:
        """Read; what is missing or wrong is in the findings. Raises what a region that does not answer raises."""
        self._held.findings.evidence = Evidence.READ_BACK
        for packs in self._choose(portion):
            for copy, wanted in self._survey.copies(packs).items():
                self._read(copy, wanted, portion)
        if self._broken:
            self._blame_all()

    def _choose(self, portion: Portion) -> Iterator[list[PackReading]]:
        after = None
        while True:
            with self._catalog.read() as session:
                region = self._held.store.region
                packs = list_unread(session, region, before=portion.begun, after=after, limit=PACKS_AT_A_TIME)
            taken = portion.take(packs)
            if taken:
                yield taken
                after = (taken[-1].unread_since, taken[-1].sha256)
            if len(taken) < PACKS_AT_A_TIME:
                return

    def _read(self, copy: Copy, wanted: set[bytes], portion: Portion) -> None:
        head = self._held.open(copy)
        packs = [] if head is None else [pack for pack in head.packs if pack.sha256 in wanted]
        id_key = self._held.repository.source_keys(copy.source).chunk_id

        def check(pack: PackRef) -> StrongroomError | None:
            outcome = check_pack(self._held.repository, self._held.store, pack, id_key)
            return outcome if isinstance(outcome, StrongroomError) else None

        read: list[bytes] = []
        for pack, fault in ahead(check, packs, threads=self._threads, window=self._threads + 1):
            if fault is None:
                read.append(pack.sha256)
            else:
                self._broken[pack.sha256] = fault
            self._count(pack)
            if len(read) == PACKS_BETWEEN_NOTES:
                self._note(read, portion)
                read.clear()
        self._note(read, portion)

    def _count(self, pack: PackRef) -> None:
        findings, context = self._held.findings, self._held.context
        findings.objects += 1
        findings.bytes += pack.size
        context.check()
        context.report(
            JobProgress(phase="reading", done_bytes=findings.bytes, total_bytes=None, files=findings.objects)
        )

    def _note(self, read: list[bytes], portion: Portion) -> None:
        findings = self._held.findings
        # The catalog's clock said when the check began; one that is behind must not have the packs read twice.
        now = max(self._clock.now(), portion.begun)
        with self._catalog.begin() as session:
            mark_read(session, self._held.store.region, read, now)
        self._held.context.save_cursor({"objects": findings.objects, "bytes": findings.bytes})

    def _blame_all(self) -> None:
        """Name every copy that needs a broken pack, not only the one it was read for."""
        for copy in self._held.copies:
            head = self._held.open(copy)
            for pack in head.packs if head is not None else ():
                if pack.sha256 in self._broken:
                    key = pack_key(pack.session_id, pack.sha256)
                    self._held.findings.blame(copy, key, self._broken[pack.sha256])
