"""Who still needs a key version: rows of registered columns and blind indexes, quarantined rows, re-encryptions.

This is the row part of the proof that a version may go. Nothing is taken from memory: every column is counted anew, and
one that cannot be counted keeps every version.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from strongroom.catalog.reencryption import OPEN_STATES, ReencryptionJob
from strongroom.clock import Clock
from strongroom.errors import StrongroomError
from strongroom.rotation.access import TableAccess
from strongroom.rotation.errors import WritersOpenError
from strongroom.rotation.opening import opened_table
from strongroom.rotation.quarantine import count_quarantined
from strongroom.rotation.registry import list_columns, record_census, register_columns
from strongroom.rotation.states import settle_states
from strongroom.rotation.target import ColumnKind, Target
from strongroom.rotation.wishing import find_mapped_targets
from strongroom.services import Services

WRITERS_AWAITED_SECONDS = 15.0
SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True, slots=True)
class ColumnCensus:
    """Rows of one registered column by the version they name; None and the reason where it did not answer."""

    target: Target
    rows_by_version: Mapping[str, int] | None
    fault: str | None = None

    @property
    def place(self) -> str:
        """Return the name of the column in the catalog."""
        return self.target.place

    def reasons_to_keep(self, version: str) -> list[str]:
        """Say in words why the column needs a version."""
        if self.fault is not None:
            return [f"{self.place} could not be counted: {self.fault}"]
        rows = (self.rows_by_version or {}).get(version, 0)
        how = "under it" if self.target.kind is ColumnKind.TOKENS else "indexed under it: reindex() the column"
        return [f"{rows} rows of {self.place} are {how}"] if rows else []


@dataclass(frozen=True, slots=True)
class References:
    """Everything that names versions of the column keys, as it was counted a moment ago."""

    columns: tuple[ColumnCensus, ...]
    quarantined: Mapping[str, int]
    open_jobs: tuple[int, ...]
    unscanned: tuple[str, ...] = ()
    """Why models that the settings name could not be searched for encrypted columns."""

    def reasons_to_keep(self, version: str) -> list[str]:
        """Say in words why a version may not go yet; nothing is said when nothing here needs it."""
        reasons = [reason for column in self.columns for reason in column.reasons_to_keep(version)]
        reasons += self.unscanned
        if self.quarantined.get(version):
            reasons.append(f"{self.quarantined[version]} quarantined rows name it")
        reasons += [f"re-encryption {number} is open" for number in self.open_jobs]
        return reasons


def count_references(services: Services, *, for_proof: bool = False) -> References:
    """Count every registered column, the quarantine and the open re-encryptions, and note the census in the register.

    Encrypted columns of the models that the settings name are registered first. A column whose database does not answer
    is in the result with the reason, and so are models that cannot be imported. For a proof, transactions that have
    written to a table are awaited before it is counted, because their rows may be under any version.
    """
    # Counting is no part of what somebody asked for, such as that a key goes: that may still be refused.
    unscanned = _register_mapped(services)
    with services.catalog.aside() as session:
        settle_states(session)
        targets = [Target.of(column.target) for column in list_columns(session)]
    columns = tuple(_count(services, target, for_proof=for_proof) for target in targets)
    with services.catalog.aside() as session:
        for census in columns:
            if census.rows_by_version is not None:
                record_census(session, census.place, dict(census.rows_by_version))
        quarantined = count_quarantined(session)
        opened = select(ReencryptionJob.id).where(ReencryptionJob.state.in_(OPEN_STATES)).order_by(ReencryptionJob.id)
        return References(columns, quarantined, tuple(session.scalars(opened)), unscanned)


def _register_mapped(services: Services) -> tuple[str, ...]:
    found: list[Target] = []
    faults = []
    for database in services.settings.databases.values():
        for path in database.models:
            try:
                found += find_mapped_targets(services.settings, path, database.name, None)
            except StrongroomError as error:
                faults.append(
                    f"the models of {database.name} could not be searched for encrypted columns: {error.what}"
                )
    with services.catalog.aside() as session:
        register_columns(session, found)
    return tuple(faults)


def _count(services: Services, target: Target, *, for_proof: bool) -> ColumnCensus:
    try:
        with opened_table(services.settings, target) as table:
            if for_proof:
                _await_writers(table, services.clock)
            return ColumnCensus(target, table.count_versions().versions)
    except StrongroomError as error:
        return ColumnCensus(target, None, error.what)


def _await_writers(table: TableAccess, clock: Clock) -> None:
    """Return when all who have written to the table and are not done now are done; raises WritersOpenError."""
    give_up, open_ones = clock.monotonic() + WRITERS_AWAITED_SECONDS, table.list_writers()
    while open_ones := open_ones & table.list_writers():
        if clock.monotonic() >= give_up:
            raise WritersOpenError(
                f"{len(open_ones)} transactions that have written to the table are still open",
                next_step="Wait for them, or end them: pg_locks and pg_stat_activity show whose they are.",
            )
        clock.sleep(SECONDS_BETWEEN_LOOKS)
