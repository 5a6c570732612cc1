"""`python -m bench.drill`: a drill of one database beside the same done by hand with PostgreSQL's own programs."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from psycopg import sql

from bench.postgres import DATABASE, connection, fill
from bench.tools import fresh
from strongroom.testing.postgres import ScratchPostgres

TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
GOAL_SECONDS = 300.0
CONFIGURATION = """\
data_dir = "data"

[drills]
directory = "{place}"

[regions.eu]
home = true
path = "regions/eu"
[regions.us]
path = "regions/us"
[regions.ap]
path = "regions/ap"

[sources.bench]
kind = "postgres"
host = "{host}"
port = {port}
user = "{user}"
password_env = "BENCH_PASSWORD"
dbname = "{name}"

[[sources.bench.drill.checks]]
name = "documents are there"
sql = "SELECT count(*) > 0 FROM document"
"""


def main() -> None:
    """Measure and print the seconds of each way, and the ratio."""
    options = _options()
    with (
        tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=options.dir) as folder,
        ScratchPostgres() as server,
    ):
        # A scratch server of root runs as another account, which has to get at its directory.
        Path(folder).chmod(0o711)
        size = fill(server, options.mib)
        print(f"PostgreSQL {server.toolset.version}, a database of {size / (1 << 20):.0f} MiB", flush=True)
        work = fresh(Path(folder, "work"))
        _set_up(work, server)
        counted, plain = _backup(work, server), _backup(work, server, count_rows=False)
        print(f"backup: {plain:.1f} s, with rows counted {counted:.1f} s ({counted / plain:.2f})", flush=True)
        _backup(work, server)
        for _ in range(options.runs):
            by_hand, (whole, report) = _by_hand(server, work), _drill(work, server)
            phases = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in report["phases"].items())
            print(
                f"by hand {by_hand:.1f} s; drill {whole:.1f} s ({whole / by_hand:.2f}): {phases}; "
                f"{report['rows']} rows; at most {GOAL_SECONDS:.0f} s is the goal",
                flush=True,
            )


def _set_up(work: Path, server: ScratchPostgres, extra: str = "") -> None:
    place = work / "drills"
    place.mkdir(mode=0o711, exist_ok=True)
    work.chmod(0o711)
    text = CONFIGURATION.format(place=place, host=server.host, port=server.port, user=server.user, name=DATABASE)
    (work / "strongroom.toml").write_text(text.replace("[[sources", f"{extra}\n[[sources"))
    _strongroom(work, server, "init", "--upgrade")


def _backup(work: Path, server: ScratchPostgres, *, count_rows: bool = True) -> float:
    _set_up(work, server, f"count_rows = {str(count_rows).lower()}")
    began = time.monotonic()
    _strongroom(work, server, "backup", "run", "bench", "--here", "--quiet", "--type", "full")
    return time.monotonic() - began


def _drill(work: Path, server: ScratchPostgres) -> tuple[float, dict[str, Any]]:
    began = time.monotonic()
    _strongroom(work, server, "drill", "run", "bench", "--here", "--quiet")
    took = time.monotonic() - began
    listed = json.loads(_strongroom(work, server, "drill", "list", "--limit", "1", "--json"))
    return took, listed["items"][0]["report"]


def _by_hand(server: ScratchPostgres, work: Path) -> float:
    """Restore a dump into a new server and count the rows of every table."""
    dump = work / "dump"
    if not dump.exists():
        command: list[str | Path] = [server.toolset.program("pg_dump"), "-Fc", "-Z0", "-f", dump, DATABASE]
        subprocess.run(command, env=connection(server), check=True)
    began = time.monotonic()
    with ScratchPostgres(settings=("shared_buffers=128MB", "maintenance_work_mem=128MB")) as scratch:
        scratch.create_database(DATABASE)
        restore: list[str | Path] = [scratch.toolset.program("pg_restore"), "--no-owner", "-d", DATABASE, dump]
        subprocess.run(restore, env=connection(scratch), check=True)
        with scratch.connect(DATABASE) as asked:
            for (table,) in asked.execute(TABLES).fetchall():
                asked.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
    return time.monotonic() - began


def _strongroom(work: Path, server: ScratchPostgres, *words: str) -> str:
    command: list[str | Path] = [
        Path(sys.executable).with_name("strongroom"),
        "--config",
        work / "strongroom.toml",
        *words,
    ]
    environment = {"BENCH_PASSWORD": server.password, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1090, help="what the database is made of; 1090 become about 1 GiB")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dir", type=Path, help="where to work; every account has to get there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
