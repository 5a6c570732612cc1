"""What somebody who may do everything in the database does to the audit log."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, text, update

from strongroom.catalog.audit import AuditHead, AuditRow
from strongroom.catalog.session import Catalog

SQLITE_TRIGGERS = ("audit_log_no_update", "audit_log_no_delete", "audit_head_stays", "audit_head_forward")


class Intruder:
    """Somebody with the rights of the tables' owner: what refuses changes is switched off first."""

    def __init__(self, catalog: Catalog) -> None:
        self._engine = catalog.engine
        with self._engine.begin() as connection:
            self._switch_off(connection)

    def _switch_off(self, connection: Connection) -> None:
        if self._engine.dialect.name == "postgresql":
            for table in ("audit_log", "audit_head"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            return
        for trigger in SQLITE_TRIGGERS:
            connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))

    def edit(self, sequence: int, values: Mapping[str, Any]) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(AuditRow).where(AuditRow.sequence == sequence).values(values))

    def remove(self, first: int, last: int) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                text("DELETE FROM audit_log WHERE sequence BETWEEN :first AND :last"), {"first": first, "last": last}
            )

    def renumber(self, first: int) -> None:
        """Close the gap before a row."""
        with self._engine.begin() as connection:
            # One after the other, as the numbers are unique.
            for (sequence,) in connection.execute(
                text("SELECT sequence FROM audit_log WHERE sequence >= :first ORDER BY sequence"), {"first": first}
            ).all():
                connection.execute(
                    text("UPDATE audit_log SET sequence = :new WHERE sequence = :old"),
                    {"old": sequence, "new": sequence - 1},
                )

    def swap(self, one: int, other: int) -> None:
        aside = -7
        for old, new in ((one, aside), (other, one), (aside, other)):
            self.edit(old, {"sequence": new})

    def append(self, row: Mapping[str, Any]) -> None:
        with self._engine.begin() as connection:
            connection.execute(insert(AuditRow).values(row))

    def set_head(self, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(AuditHead).values(values))
