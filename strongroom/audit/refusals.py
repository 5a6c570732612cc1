"""Refusals, written down in batches and counted: whoever floods fills neither the catalog nor the process."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.exc import SQLAlchemyError

from strongroom.access.principals import PrincipalKind
from strongroom.audit.acting import STRONGROOM, Actor, find_actor
from strongroom.audit.events import AuditEvent
from strongroom.audit.recording import record
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock
from strongroom.errors import StrongroomError

log = logging.getLogger(__name__)

TOGETHER_SECONDS = 1.0
"""How long a refusal waits for others that are written with it."""
AGAIN_SECONDS = 30.0
"""How long to wait where the catalog took none."""
MOST_AT_ONCE = 500
"""Rows that a process may write before it has to keep to the rate below."""
ROWS_PER_SECOND = 0.5
MOST_KINDS = 256
"""Kinds of refusals that are told apart while they wait; of further ones the address and target are not."""
MANY = Actor(PrincipalKind.STRANGER, "", "", "many")
_REST = AuditEvent("other refusals")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What makes two refusals one row: everything but the ids of their requests."""

    event: AuditEvent
    actor: Actor


@dataclass(slots=True)
class _Count:
    first: Actor
    """With the ids of the first request."""
    times: int = 0


class RefusalLog:
    """Takes refusals from any thread, at once, and never fails; counts of what waits are kept until they are written.

    What was not written yet when the process dies is lost; a refusal that changes something is written with the change.
    """

    def __init__(self, catalog: Catalog, clock: Clock, together_seconds: float = TOGETHER_SECONDS) -> None:
        self._catalog, self._clock, self._together = catalog, clock, together_seconds
        self._changed = threading.Condition()
        self._turn = threading.Lock()
        """Held while a batch is written: whoever asks for all to be written waits for it too."""
        self._waiting: dict[_Kind, _Count] = {}
        self._rows_left, self._counted_at = float(MOST_AT_ONCE), clock.monotonic()
        self._writer: threading.Thread | None = None
        self._closing = False

    def add(self, event: AuditEvent, actor: Actor | None = None) -> None:
        """Count a refusal of whoever is bound, or of somebody else; it is written soon."""
        actor = actor or find_actor() or STRONGROOM
        kind = _Kind(event, replace(actor, request_id="", trace_id=""))
        with self._changed:
            kind = kind if kind in self._waiting or len(self._waiting) < MOST_KINDS else self._folded(event)
            self._waiting.setdefault(kind, _Count(actor if kind.event is event else MANY)).times += 1
            if self._writer is None and not self._closing:
                self._writer = threading.Thread(target=self._write_until_idle, name="refusals", daemon=True)
                self._writer.start()

    def flush(self) -> bool:
        """Write what waits, as far as the rate allows, after what is being written, and say whether that went well."""
        with self._turn:
            with self._changed:
                batch = self._take(int(self._allowance()))
            return self._write(batch)

    def close(self) -> None:
        """Write all that waits, and take no more in the background."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        with self._turn:
            with self._changed:
                batch = self._take(len(self._waiting))
            self._write(batch)

    def _folded(self, event: AuditEvent) -> _Kind:
        """Return the kind of refusals that are no longer told apart; of those there are a few dozen."""
        kind = _Kind(replace(event, target=""), MANY)
        return kind if kind in self._waiting or len(self._waiting) < 2 * MOST_KINDS else _Kind(_REST, MANY)

    def _allowance(self) -> float:
        now = self._clock.monotonic()
        earned = (now - self._counted_at) * ROWS_PER_SECOND
        self._rows_left, self._counted_at = min(float(MOST_AT_ONCE), self._rows_left + earned), now
        return self._rows_left

    def _take(self, most: int) -> dict[_Kind, _Count]:
        return {kind: self._waiting.pop(kind) for kind in list(self._waiting)[:most]}

    def _write(self, batch: Mapping[_Kind, _Count]) -> bool:
        if not batch:
            return True
        try:
            with self._catalog.aside() as session:
                for kind, count in batch.items():
                    record(session, _counted(kind.event, count.times), count.first)
        except (StrongroomError, SQLAlchemyError) as error:
            # A catalog that is not as it should be may be mended; what is refused is refused all the same.
            log.warning("%d refusals wait to be written down: %s", len(batch), type(error).__name__)
            self._put_back(batch)
            return False
        with self._changed:
            self._rows_left -= len(batch)
        return True

    def _put_back(self, batch: Mapping[_Kind, _Count]) -> None:
        with self._changed:
            for kind, count in batch.items():
                self._waiting.setdefault(kind, _Count(count.first)).times += count.times

    def _write_until_idle(self) -> None:
        pause = self._together
        while self._goes_on(pause):
            pause = self._together if self.flush() else AGAIN_SECONDS

    def _goes_on(self, pause: float) -> bool:
        """Wait, and say whether there is something left to write; where there is not, the next one starts anew."""
        with self._changed:
            if self._waiting and not self._closing:
                self._changed.wait(pause)
            goes_on = bool(self._waiting) and not self._closing
            self._writer = self._writer if goes_on else None
            return goes_on


def _counted(event: AuditEvent, times: int) -> AuditEvent:
    if times == 1:
        return event
    return replace(event, reason=f"{event.reason[:400]}, {times} times".removeprefix(", "))
