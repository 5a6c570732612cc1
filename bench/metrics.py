"""How long a scrape takes with 200 sources, 100,000 backups in three regions and a million jobs, on PostgreSQL.

    make bench-metrics

Beside it stands what PostgreSQL takes for the bare look at every backup, as the least that any answer could take.
"""

import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import event, insert, text

from strongroom.catalog.backups import Backup, BackupKind, BackupState, Medium, Replica, ReplicaState
from strongroom.catalog.engine import open_engine
from strongroom.catalog.jobs import Job, JobState
from strongroom.catalog.schema import upgrade
from strongroom.catalog.session import Catalog
from strongroom.jobs.kinds import JobKind
from strongroom.metrics.exporting import export
from strongroom.metrics.exposition import expose
from strongroom.settings import Settings, load_settings
from strongroom.testing.postgres import ScratchPostgres

SOURCES = 200
BACKUPS = 100_000
JOBS = 1_000_000
REGIONS = ("eu", "us", "ap")
ROUNDS = 7
ROWS = 5_000
GOAL_SECONDS = 1.0


def main() -> int:
    """Measure and print; ends with 1 where the goal is missed."""
    with tempfile.TemporaryDirectory() as folder, ScratchPostgres() as server:
        server.create_database("strongroom")
        engine = open_engine(server.url("strongroom"))
        upgrade(engine)
        catalog, settings = Catalog(engine), _settings(Path(folder))
        _fill(catalog)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        statements: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        shown = expose(export(catalog, settings), "")
        asked, series = len(statements), sum(not line.startswith(b"#") for line in shown.body.splitlines())
        whole = _median(lambda: expose(export(catalog, settings), ""))
        bare = _median(lambda: _look(catalog))
        catalog.close()
    print(f"{series:,} series, {len(shown.body) / 1024:.0f} KiB, {asked} statements")
    print(f"a scrape {whole * 1000:.0f} ms, of which the bare look at copies {bare * 1000:.0f} ms")
    return 0 if whole <= GOAL_SECONDS else 1


def _settings(folder: Path) -> Settings:
    regions = "".join(f'[regions.{name}]\nhome = {str(name == "eu").lower()}\npath = "{name}"\n' for name in REGIONS)
    sources = "".join(f'[sources.source-{number}]\nkind = "files"\npath = "{number}"\n' for number in range(SOURCES))
    file = folder / "strongroom.toml"
    file.write_text(regions + sources, encoding="utf-8")
    return load_settings(file, {})


def _fill(catalog: Catalog) -> None:
    began = datetime.now(UTC) - timedelta(days=500)
    ids = [uuid.UUID(int=number + 1) for number in range(BACKUPS)]
    _write(catalog, Backup, [_backup(number, one, began) for number, one in enumerate(ids)])
    _write(catalog, Replica, [_replica(one, region, began) for one in ids for region in REGIONS])
    for start in range(0, JOBS, 100_000):
        _write(catalog, Job, [_job(number, began) for number in range(start, start + 100_000)])


def _write(catalog: Catalog, table: type, rows: list[dict[str, object]]) -> None:
    for start in range(0, len(rows), ROWS):
        with catalog.begin() as session:
            session.execute(insert(table), rows[start : start + ROWS])


def _backup(number: int, one: uuid.UUID, began: datetime) -> dict[str, object]:
    at = began + timedelta(minutes=7 * number)
    return {
        "id": one, "source": f"source-{number % SOURCES}", "source_kind": "files", "medium": Medium.REPOSITORY,
        "kind": BackupKind.FULL, "state": BackupState.COMMITTED, "session_id": one, "trace_id": one.hex,
        "policy": "operational-data", "regions": list(REGIONS), "created_at": at,
        "committed_at": at + timedelta(seconds=number % 5000), "files": 1, "source_bytes": 1 << 30,
        "stored_bytes": 1 << 20, "reused_bytes": 0, "objects": 3, "problem_count": 0, "problems": [], "facts": {},
    }  # fmt: skip


def _replica(one: uuid.UUID, region: str, at: datetime) -> dict[str, object]:
    state = ReplicaState.PRESENT if one.int % 100 or region == "eu" else ReplicaState.WANTED
    return {"backup_id": one, "region": region, "state": state, "objects": 3, "bytes": 1 << 20, "updated_at": at}


def _job(number: int, began: datetime) -> dict[str, object]:
    at = began + timedelta(seconds=40 * number)
    kind = JobKind.BACKUP_RUN if number % 10 == 0 else JobKind.REPLICATION_COPY
    return {
        "id": uuid.UUID(int=number + 1), "kind": kind, "args": {"source": "shop"}, "queue": kind.route.queue.value,
        "priority": 1, "request_digest": "0" * 64, "source": f"source-{number // 10 % SOURCES}",
        "state": JobState.FAILED if number % 50 == 0 else JobState.SUCCEEDED, "attempt": 2 if number % 50 == 0 else 1,
        "run_after": at, "publish_after": at, "trace_id": f"{number:032x}", "created_at": at, "finished_at": at,
    }  # fmt: skip


def _look(catalog: Catalog) -> None:
    with catalog.read() as session:
        session.execute(
            text("SELECT source, region, max(created_at) FROM backup JOIN replica ON backup_id = id GROUP BY 1, 2")
        ).all()


def _median(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    sys.exit(main())
