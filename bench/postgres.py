"""`python -m bench.postgres`: logical dumps of one database, side by side with pg_dump and zstd in the shell."""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.measure import Figures, median, run, stored_bytes
from bench.tools import fresh
from strongroom.testing.postgres import ScratchPostgres

DATABASE = "bench"
ROWS = """
    CREATE TABLE document AS
    SELECT n AS id, repeat(md5(n::text) || ' ', 3) || md5((n / 7)::text) AS body,
           jsonb_build_object('sku', md5((n % 997)::text), 'price', n % 10000,
                              'tags', jsonb_build_array(n % 13, n % 31)) AS meta,
           now() + n * interval '1 second' AS made
      FROM generate_series(1, {rows}) AS n
"""


class Way(Protocol):
    """One way to dump a database into files below a folder, and to take that back."""

    name: str

    def prepare(self, work: Path) -> None: ...

    def dump(self, work: Path) -> Figures: ...

    def stored(self, work: Path) -> Path: ...


@dataclass(slots=True)
class Series:
    """All runs of one way."""

    way: Way
    dumps: list[Figures] = field(default_factory=list)
    stored: int = 0


class Shell:
    """PostgreSQL's own programs in a shell; nothing is encrypted, nothing is verified."""

    def __init__(self, server: ScratchPostgres, name: str, pipeline: str) -> None:
        self.name = name
        self._server = server
        self._pipeline = pipeline

    def prepare(self, work: Path) -> None:
        """Make the folder that the dump goes to."""
        (work / "out").mkdir()

    def dump(self, work: Path) -> Figures:
        """Run the pipeline."""
        pg_dump = shlex.quote(str(self._server.toolset.program("pg_dump")))
        command = self._pipeline.format(pg_dump=pg_dump, out=shlex.quote(str(work / "out")), database=DATABASE)
        return run(["sh", "-c", command], env=connection(self._server), log=work / "log")

    def stored(self, work: Path) -> Path:
        """Return where the dump is."""
        return work / "out"


class Strongroom:
    """Strongroom in one process, without broker or workers, into one directory region; encrypted and verified."""

    def __init__(self, server: ScratchPostgres, level: int, form: str) -> None:
        self.name = f"strongroom {form} zstd {level}"
        self._server = server
        self._keys = {"level": level, "form": form}

    def prepare(self, work: Path) -> None:
        """Write the configuration and make the repository."""
        server = self._server
        text = CONFIGURATION.format(host=server.host, port=server.port, user=server.user, name=DATABASE, **self._keys)
        (work / "strongroom.toml").write_text(text)
        self._run(work, "init", "--upgrade")

    def dump(self, work: Path) -> Figures:
        """Make a full backup."""
        return self._run(work, "backup", "run", "bench", "--here", "--quiet")

    def stored(self, work: Path) -> Path:
        """Return where the repository is."""
        return work / "region"

    def _run(self, work: Path, *words: str) -> Figures:
        command: list[str | Path] = [
            Path(sys.executable).with_name("strongroom"),
            "--config",
            work / "strongroom.toml",
            *words,
        ]
        return run(command, env={"BENCH_PASSWORD": self._server.password}, log=work / "log")


CONFIGURATION = """\
data_dir = "data"

[repository]
compression_level = {level}

[regions.local]
home = true
kind = "directory"
path = "region"

[sources.bench]
kind = "postgres"
host = "{host}"
port = {port}
user = "{user}"
password_env = "BENCH_PASSWORD"
dbname = "{name}"
format = "{form}"
jobs = 2
"""


def main() -> None:
    """Measure and print a Markdown table; ratios are against the first way."""
    options = _options()
    with (
        tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=options.dir) as folder,
        ScratchPostgres() as server,
    ):
        size = fill(server, options.mib)
        print(f"PostgreSQL {server.toolset.version}, {size / 1e6:.0f} MB; {options.runs} runs; medians", flush=True)
        series = [Series(way) for way in ways(server)]
        for _ in range(options.runs):
            for one in series:
                measure(one, Path(folder, "work"))
        print("\n".join(table(series)))


def ways(server: ScratchPostgres) -> list[Way]:
    """Return what is compared, the yardstick first."""
    return [
        Shell(server, "pg_dump -Fc -Z0 and zstd -3 -T2", "{pg_dump} -Fc -Z0 {database} | zstd -q -3 -T2 -o {out}/dump"),
        Strongroom(server, 1, "custom"),
        Strongroom(server, 3, "custom"),
        Shell(server, "pg_dump -Fd -j2 -Z0", "{pg_dump} -Fd -j2 -Z0 -f {out}/dump {database}"),
        Strongroom(server, 1, "directory"),
    ]


def fill(server: ScratchPostgres, mib: int) -> int:
    """Make a database of about so many MiB, half of it pgbench's accounts; returns its size in bytes."""
    server.create_database(DATABASE)
    accounts = max(1, mib // 30)
    pgbench: list[str | Path] = [server.toolset.program("pgbench"), "-i", "-q", "-s", str(accounts), DATABASE]
    run(pgbench, env=connection(server), log=Path(server.directory, "pgbench.log"))
    with server.connect(DATABASE) as database:
        database.execute(ROWS.format(rows=mib * 1600).encode())
        database.execute(b"VACUUM ANALYZE")
        row = database.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


def connection(server: ScratchPostgres) -> Mapping[str, str]:
    """Return the environment by which libpq finds the server."""
    return {
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGUSER": server.user,
        "PGPASSWORD": server.password,
    }


def measure(series: Series, work: Path) -> None:
    """Run one way from an empty folder, with the disk quiet before it."""
    fresh(work)
    series.way.prepare(work)
    os.sync()
    series.dumps.append(series.way.dump(work))
    series.stored = stored_bytes(series.way.stored(work))
    shutil.rmtree(work)
    os.sync()


def table(series: Sequence[Series]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| way | wall s | x | client cpu s | x | peak MiB | stored MB |"
    yield "|---|---|---|---|---|---|---|"
    first = median(series[0].dumps)
    for one in series:
        figures = median(one.dumps)
        wall = f"{figures.wall:.2f} | {figures.wall / first.wall:.2f}"
        cpu = f"{figures.cpu:.2f} | {figures.cpu / first.cpu:.2f}"
        yield f"| {one.way.name} | {wall} | {cpu} | {figures.rss_mib:.0f} | {one.stored / 1e6:.1f} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1240, help="size of the database")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dir", type=Path, help="where the work folder goes; several times the database's size")
    return parser.parse_args()


if __name__ == "__main__":
    main()
