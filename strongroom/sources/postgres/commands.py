"""The command lines of pg_dump and pg_dumpall."""

from collections.abc import Iterator
from pathlib import Path

from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.postgres.connection import conninfo
from strongroom.sources.postgres.toolset import Toolset


def dump_command(settings: PostgresSourceSettings, toolset: Toolset, database: str) -> list[str]:
    """Return what writes one database to its output, in the custom format."""
    return [*_pg_dump(settings, toolset, database), "--format=custom"]


def directory_command(settings: PostgresSourceSettings, toolset: Toolset, database: str, to: Path) -> list[str]:
    """Return what writes one database into a directory, over several connections that share one snapshot."""
    return [
        *_pg_dump(settings, toolset, database),
        "--format=directory",
        f"--jobs={settings.jobs}",
        # The scratch directory is not needed after a crash.
        "--no-sync",
        f"--file={to}",
    ]


def globals_command(settings: PostgresSourceSettings, toolset: Toolset, database: str, *, passwords: bool) -> list[str]:
    """Return what writes roles and tablespaces as SQL; `database` is one to connect to."""
    return [
        str(toolset.program("pg_dumpall")),
        "--globals-only",
        "--no-password",
        *([] if passwords else ["--no-role-passwords"]),
        f"--dbname={conninfo(settings, database)}",
    ]


def _pg_dump(settings: PostgresSourceSettings, toolset: Toolset, database: str) -> list[str]:
    return [
        str(toolset.program("pg_dump")),
        # Strongroom compresses better, and equal rows stay equal bytes for its chunks.
        "--compress=0",
        "--no-password",
        f"--lock-wait-timeout={settings.lock_timeout_seconds * 1000}",
        *_selection(settings),
        f"--dbname={conninfo(settings, database)}",
    ]


def _selection(settings: PostgresSourceSettings) -> Iterator[str]:
    if settings.schemas or settings.tables:
        # Otherwise a misspelt name would silently be missing from every backup.
        yield "--strict-names"
    options = {
        "schema": settings.schemas,
        "exclude-schema": settings.exclude_schemas,
        "table": settings.tables,
        "exclude-table": settings.exclude_tables,
        "exclude-table-data": settings.exclude_table_data,
    }
    for option, patterns in options.items():
        yield from (f"--{option}={pattern}" for pattern in patterns)
