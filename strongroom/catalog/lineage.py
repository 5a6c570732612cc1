"""Which database this is, as an SQL expression: another one after a restore or after a standby took over."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class DatabaseLineage(FunctionElement[str]):
    """On PostgreSQL the cluster, its timeline and the table of boot values; on SQLite the number of the file.

    A physical restore and a promotion begin a timeline, and a logical restore makes the table anew. Not noticed are a
    disk that was set back to a snapshot, a base backup started without recovery.signal, and a copy of a SQLite file
    that got the number of the one before it.
    """

    type = String()
    inherit_cache = True


@compiles(DatabaseLineage, "postgresql")
def _on_postgresql(_element: DatabaseLineage, _compiler: SQLCompiler, **_options: Any) -> str:
    cluster = "(SELECT system_identifier::text FROM pg_control_system())"
    timeline = "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
    return f"({cluster} || ' ' || {timeline} || ' ' || CAST('skip_boot'::regclass::oid AS text))"


@compiles(DatabaseLineage, "sqlite")
def _on_sqlite(_element: DatabaseLineage, _compiler: SQLCompiler, **_options: Any) -> str:
    return "strongroom_file_number()"
