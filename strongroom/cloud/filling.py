"""Bringing the snapshots of one backup in one region into being, one for each part, however often it is begun anew."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from strongroom.aws.answers import code_of
from strongroom.aws.errors import AwsUnavailableError
from strongroom.cloud.errors import SnapshotFailedError
from strongroom.cloud.snapshots import CloudSnapshot, Part, SnapshotState
from strongroom.errors import StrongroomError
from strongroom.jobs.context import JobContext
from strongroom.jobs.interrupts import JobWaits
from strongroom.jobs.progress import JobProgress

log = logging.getLogger(__name__)

SETTLING = timedelta(seconds=60)
"""How long a listing may lack what was asked for a moment ago, so that nothing is asked for twice."""
SHORTEST_WAIT, LONGEST_WAIT = 10.0, 300.0


@dataclass(frozen=True, slots=True)
class Filling:
    """One region of one backup. `find` lists what is there, `make` begins what a part lacks, `delete` removes one.

    `make` gets the part and the snapshot of it that is not encrypted, where there is one.
    """

    context: JobContext
    now: Callable[[], datetime]
    find: Callable[[], Sequence[CloudSnapshot]]
    make: Callable[[Part, CloudSnapshot | None], None]
    delete: Callable[[CloudSnapshot], None]

    def complete(self, parts: Sequence[Part]) -> dict[str, CloudSnapshot]:
        """Return a whole, encrypted snapshot of each part, by its name; raises JobWaits until all are there.

        Raises SnapshotFailedError, after deleting it, when one ended in error, and what `make` raises.
        """
        self._begin_lacking(parts)
        found = self.find()
        self._drop_failed(found)
        whole = {part.name: snapshot for part in parts if (snapshot := _sealed(found, part)) is not None}
        self._report(parts, found)
        ready = {name: snapshot for name, snapshot in whole.items() if snapshot.state is SnapshotState.READY}
        if len(ready) < len(parts):
            raise JobWaits(self._patience())
        self._drop_others(found, ready)
        return ready

    def _begin_lacking(self, parts: Sequence[Part]) -> None:
        found = self.find()
        self._drop_failed(found)
        for part in parts:
            plain = _first(found, part, encrypted=False)
            if _sealed(found, part) is not None or (plain is not None and plain.state is not SnapshotState.READY):
                continue
            try:
                self._begin(part, plain)
            except AwsUnavailableError as error:
                # AWS makes so many at a time: those that are being made have to end first.
                if not code_of(error) or not any(one.state is SnapshotState.PENDING for one in self.find()):
                    raise
                return

    def _begin(self, part: Part, plain: CloudSnapshot | None) -> None:
        mark = part.name if plain is None else f"{part.name} sealed"
        asked = self._asked()
        if mark in asked and self.now() - datetime.fromisoformat(asked[mark]) < SETTLING:
            return
        # Written down first: whoever dies between asking and noting the answer leaves a reason to look twice.
        self._note_asked(asked | {mark: self.now().isoformat()})
        self.context.check()
        try:
            self.make(part, plain)
        except StrongroomError as error:
            if code_of(error):
                # AWS said no, so nothing was begun.
                self._note_asked(asked)
            raise

    def _drop_failed(self, found: Sequence[CloudSnapshot]) -> None:
        failed = [snapshot for snapshot in found if snapshot.state is SnapshotState.FAILED]
        for snapshot in failed:
            self.delete(snapshot)
        if failed:
            lost = {snapshot.part for snapshot in failed}
            # Of the other parts one may have been asked for a moment ago, and be in no listing yet.
            self._note_asked({mark: at for mark, at in self._asked().items() if mark.split()[0] not in lost})
            words = "; ".join(f"{one.id} of {one.part}: {one.words or 'no reason given'}" for one in failed)
            raise SnapshotFailedError(
                f"A snapshot ended in error ({words}); it was deleted.",
                next_step="The job makes it again; if it keeps failing, see the volume, database and KMS key it names.",
            )

    def _drop_others(self, found: Sequence[CloudSnapshot], kept: dict[str, CloudSnapshot]) -> None:
        """Delete what is not encrypted, or was begun twice, now that a whole one is there."""
        ids = {snapshot.id for snapshot in kept.values()}
        for snapshot in found:
            if snapshot.id not in ids and snapshot.part in kept:
                log.info("snapshot %s of %s is not needed and is deleted", snapshot.id, snapshot.part)
                self.delete(snapshot)

    def _report(self, parts: Sequence[Part], found: Sequence[CloudSnapshot]) -> None:
        self.context.check()
        done, ready = 0, 0
        for part in parts:
            snapshot = _sealed(found, part) or _first(found, part, encrypted=False)
            done += part.bytes * (0 if snapshot is None else snapshot.percent) // 100
            ready += snapshot is not None and snapshot.state is SnapshotState.READY and snapshot.encrypted
        total = sum(part.bytes for part in parts)
        self.context.report(JobProgress(phase="waiting for AWS", done_bytes=done, total_bytes=total, files=ready))

    def _patience(self) -> float:
        moments = [datetime.fromisoformat(moment) for moment in self._asked().values()]
        age = (self.now() - min(moments)).total_seconds() if moments else 0.0
        return min(LONGEST_WAIT, max(SHORTEST_WAIT, age / 10))

    def _asked(self) -> dict[str, str]:
        return dict((self.context.cursor or {}).get("asked", {}))

    def _note_asked(self, asked: dict[str, str]) -> None:
        cursor: dict[str, Any] = dict(self.context.cursor or {})
        if cursor.get("asked", {}) != asked:
            self.context.save_cursor(cursor | {"asked": asked})


def _sealed(found: Sequence[CloudSnapshot], part: Part) -> CloudSnapshot | None:
    return _first(found, part, encrypted=True)


def _first(found: Sequence[CloudSnapshot], part: Part, *, encrypted: bool) -> CloudSnapshot | None:
    """Return the oldest snapshot of a part: where two were begun, every look chooses the same one."""
    fitting = [one for one in found if one.part == part.name and one.encrypted is encrypted]
    return min(fitting, key=lambda one: (one.taken_at, one.id), default=None)
