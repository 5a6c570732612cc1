"""How versions are removed, by whichever command: proven unneeded, disabled, proven again, sealed away, destroyed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from strongroom.audit.acting import STRONGROOM, acting, describe, find_actor
from strongroom.cli.file_changes import changing_files
from strongroom.cli.secrets.place import RingPlace, shown
from strongroom.cli.secrets.speaking import Speaker
from strongroom.columnkeys.changes import destroyed, disabled
from strongroom.columnkeys.copies import write_copy
from strongroom.columnkeys.record import KeyRecord, operation_id
from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.errors import StrongroomError
from strongroom.keyring.provider import KekProvider
from strongroom.rotation.retiring import kept_needs, live_needs, verify_not_needed
from strongroom.services import Services


@dataclass(frozen=True, slots=True)
class Removal:
    """One operation on a ring, with its name in the log and in the record."""

    place: RingPlace
    services: Services
    speaker: Speaker
    operation: str

    @classmethod
    def begin(cls, place: RingPlace, services: Services, speaker: Speaker, what: str) -> "Removal":
        """Write down that an operation begins."""
        removal = cls(place, services, speaker, operation_id(services.clock.now(), services.random))
        speaker.audit("[CLEANUP-AUDIT] Operation started - ID: {operation}", operation=removal.operation)
        removal.note("started", command=what)
        return removal

    def needs(self, ring: KeyRing, names: Sequence[str]) -> dict[str, list[str]]:
        """Say for each version why it may not go."""
        live = live_needs(self.services, names)
        kept = kept_needs(self.services, [ring.versions[name] for name in names])
        needs = {name: live[name] + kept[name] for name in names}
        for name, reasons in needs.items():
            for reason in reasons:
                self.speaker.audit("[CLEANUP-AUDIT] Version {version} is needed: {reason}", version=name, reason=reason)
        return needs

    def apply(self, names: Sequence[str], keys: Sequence[KekProvider]) -> None:
        """Remove versions; what is found to be needed meanwhile is put back as it was. Raises VersionNeededError."""
        describe(reason=f"versions {', '.join(names)}")
        with changing_files(self.services, self.place.file.path):
            self._apply(names, keys)

    def _apply(self, names: Sequence[str], keys: Sequence[KekProvider]) -> None:
        clock, file = self.services.clock, self.place.file
        self._spend_step_up()
        before = file.load()
        copy = write_copy(file, keys, clock.now())
        self.speaker.line("[OK] Backup created: {file}", file=shown(copy))
        # From here on nobody reads or writes under them, so that what is counted now stays true.
        states = [name for name in names if before.versions[name].state is not KeyState.DISABLED]
        file.change(lambda ring: disabled(ring, states, clock.now()))
        try:
            verify_not_needed(live_needs(self.services, names))
        except StrongroomError as error:
            file.change(lambda ring: _as_before(ring, before, states))
            self.speaker.audit("[CLEANUP-AUDIT] Rollback - ID: {operation}", operation=self.operation)
            self.finish("rolled back", [], error)
            raise
        file.change(lambda ring: destroyed(ring, names, clock.now()))
        self.note("removed", versions=list(names), copy=copy.name)

    def _spend_step_up(self) -> None:
        """Spend the step-up, where there is one, before a key goes, in a transaction that tells of nothing else."""
        with acting(replace(find_actor() or STRONGROOM, operation="")), self.services.catalog.begin():
            pass

    @contextmanager
    def refused_by(self, *kinds: type[StrongroomError]) -> Iterator[None]:
        """Write down that nothing was changed where the block raises one of these errors."""
        try:
            yield
        except kinds as error:
            self.finish("refused", [], error)
            raise

    def finish(self, outcome: str, removed: Sequence[str], error: StrongroomError | None = None) -> None:
        """Write down how the operation ended."""
        if error is not None:
            self.speaker.audit("[CLEANUP-AUDIT] Error: {code}", code=error.code)
        self.note(outcome, versions=list(removed), error=error.code if error else "")
        self.speaker.audit(
            "[CLEANUP-SUMMARY] ID: {operation} - Outcome: {outcome} - Versions removed: {versions}",
            operation=self.operation,
            outcome=self.speaker.text(outcome),
            versions=", ".join(removed) or "-",
        )

    def note(self, event: str, **facts: str | int | Sequence[str]) -> None:
        """Add a line to the record of the ring."""
        KeyRecord(self.place.file.path).append(self.operation, self.services.clock.now(), event, **facts)


def _as_before(ring: KeyRing, before: KeyRing, names: Sequence[str]) -> KeyRing:
    return KeyRing({**ring.versions, **{name: before.versions[name] for name in names}}, ring.active)
