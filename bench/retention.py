"""How long it takes to plan the retention of 100,000 backups, beside reading the same rows with the bare driver.

    make bench-retention

Two catalogs, each in SQLite with a copy of every backup in three regions: 100 sources with 1,000 backups each, and one
source with 100,000. A plan is read from the catalog and decided under a policy with every rule there is.
"""

import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import insert

from strongroom.catalog.backups import Backup, BackupKind, BackupState, Medium, Replica, ReplicaState
from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import upgrade
from strongroom.keyring.key_file import KeyFile
from strongroom.retention.planning import make_plan
from strongroom.runtime import build_runtime
from strongroom.services import Services
from strongroom.settings import load_settings

BACKUPS = 100_000
GOAL_SECONDS = 2.0
ROUNDS = 5
ROWS = 5_000
REGIONS = ("eu", "us", "ap")
POLICY = """
[policies.operational-data]
retention_days = 90
keep_last = 10
keep_hourly = 48
keep_daily = 30
keep_weekly = 12
keep_monthly = 24
keep_yearly = 5
min_fulls = 3
"""


def main() -> int:
    """Measure both catalogs and print a line for each; ends with 1 where the goal is missed."""
    worst = 0.0
    for sources in (100, 1):
        with tempfile.TemporaryDirectory() as folder:
            services = _installation(Path(folder), sources)
            plan = _median(partial(make_plan, services, max_share=1.0))
            bare = _median(partial(_read, Path(folder) / "catalog.db"))
            going = sum(len(one.going) for one in make_plan(services, max_share=1.0))
        print(
            f"{BACKUPS:,} backups of {sources} sources: planned in {plan:.2f} s ({going:,} to go), "
            f"{plan / bare:.1f} times what sqlite3 takes to read the rows ({bare:.2f} s)"
        )
        worst = max(worst, plan)
    print(f"goal {GOAL_SECONDS} s: {'met' if worst < GOAL_SECONDS else 'missed'}")
    return 0 if worst < GOAL_SECONDS else 1


def _installation(folder: Path, sources: int) -> Services:
    regions = "".join(f'[regions.{name}]\npath = "{name}"\nhome = {str(name == "eu").lower()}\n' for name in REGIONS)
    named = "".join(f'[sources.s{number}]\nkind = "files"\npath = "x"\n' for number in range(sources))
    config = folder / "strongroom.toml"
    config.write_text(regions + named + POLICY)
    url = f"sqlite:///{folder / 'catalog.db'}"
    KeyFile.create(folder / "strongroom.keys", list(REGIONS))
    engine = open_engine(url)
    upgrade(engine)
    made, now = [], datetime.now(UTC)
    for number in range(BACKUPS):
        made.append(_backup(number, sources, now))
        if len(made) == ROWS:
            with engine.begin() as connection:
                connection.execute(insert(Backup), made)
                connection.execute(insert(Replica), [_replica(row, name) for row in made for name in REGIONS])
            made = []
    engine.dispose()
    return build_runtime(load_settings(config, {"STRONGROOM_CATALOG_URL": url})).services()


def _backup(number: int, sources: int, now: datetime) -> dict[str, object]:
    created = now - timedelta(hours=number // sources)
    backup_id = uuid.UUID(int=(int(created.timestamp() * 1000) << 80) | number)
    return {
        "id": backup_id, "source": f"s{number % sources}", "source_kind": "files", "medium": Medium.REPOSITORY,
        "kind": BackupKind.FULL if number % 168 == 0 else BackupKind.INCREMENTAL, "state": BackupState.COMMITTED,
        "session_id": backup_id, "trace_id": "0" * 32, "policy": "operational-data", "regions": list(REGIONS),
        "created_at": created,
    }  # fmt: skip


def _replica(row: dict[str, object], region: str) -> dict[str, object]:
    return {
        "backup_id": row["id"], "region": region, "state": ReplicaState.PRESENT, "updated_at": row["created_at"]
    }  # fmt: skip


def _read(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        query = "SELECT id, source, policy, created_at, kind FROM backup WHERE state = 'committed' ORDER BY source, id"
        return len(connection.execute(query).fetchall())


def _median(work: Callable[[], object]) -> float:
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


if __name__ == "__main__":
    sys.exit(main())
