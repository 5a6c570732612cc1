"""The part of a drill that needs PostgreSQL: a scratch server, started and ended by the drill."""

import re
from pathlib import Path

from strongroom.drills.clearing import SERVER
from strongroom.drills.databases import DatabaseDrill
from strongroom.drills.timing import Stopwatch
from strongroom.repository.reader import BackupReader
from strongroom.services import Services
from strongroom.settings import PostgresSourceSettings
from strongroom.sources.postgres.scratch_server import (
    FAST,
    ScratchAccess,
    ScratchServer,
    choose_server,
    unprivileged_account,
)

_MAJOR = re.compile(r"\d+")
_SETTINGS = (
    *FAST,
    "shared_buffers=128MB",
    "maintenance_work_mem=128MB",
    "max_wal_size=384MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "max_connections=40",
)


def drill_databases(
    services: Services, reader: BackupReader, source: PostgresSourceSettings, place: Path, watch: Stopwatch
) -> None:
    """Restore the backup's databases into a server of their own, and ask them; the findings are the watch's.

    Raises ScratchServerMissingError, ScratchServerTooOldError, ScratchServerError, ScratchPlaceError, BadCheckError,
    ExtensionMissingError, and what a restore raises.
    """
    findings = watch.findings
    toolset = choose_server(_major_of(reader), source.bin_dir)
    directory = place / SERVER
    directory.mkdir(mode=0o700)
    # Whatever runs inside the server is somebody else's code: not as an account that other servers run as.
    account = unprivileged_account("nobody")
    with watch.phase("preparing"):
        # No role of the backup has this name: restoring it would give it another password.
        user = f"drill_{services.random(8).hex()}"
        access = ScratchAccess(user, services.random(16).hex())
        server = ScratchServer(directory, toolset, account, access, services.clock, settings=_SETTINGS).__enter__()
    try:
        drill = DatabaseDrill(reader, source, server, place / "scratch", watch)
        drill.prepare()
        findings.software["postgres"] = toolset.version
        findings.software["postgres_of_the_source"] = str(reader.head.facts.get("server_version", ""))
        with watch.phase("restoring"):
            drill.restore(findings)
        with watch.phase("checking"):
            drill.verify(findings)
    finally:
        server.stop(immediate=True)


def _major_of(reader: BackupReader) -> int:
    match = _MAJOR.match(str(reader.head.facts.get("server_version", "")))
    return int(match[0]) if match else 0
