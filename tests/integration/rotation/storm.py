"""Two trials of re-encryption: `python -m tests.integration.rotation.storm --races 10 --kills 25`.

A race: processes write hot rows while one re-encryption after the other passes over the table; at the end each row must
hold what was written last, whoever wrote it. Kills: the worker is killed again and again, at a random moment or at a
named step; a trigger counts how often each row was written.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import update

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.engine import open_engine
from strongroom.catalog.jobs import Job, JobState
from strongroom.catalog.schema import upgrade
from strongroom.rotation.campaigns import open_jobs_of
from strongroom.rotation.pace import Pace
from strongroom.testing.postgres import ScratchPostgres
from tests.integration.rotation.site import Site
from tests.integration.rotation.tables import Application, hidden, ring

PROJECT = Path(__file__).resolve().parents[3]
BROKEN = 20
WRITERS = 2
STEPS = ("read", "convert", "start", "finish", "settle", "record", "recorded", "census", "end", "ended")


class LostWriteError(AssertionError):
    """A row does not hold what was written last."""


def race(site: Site, url: str, *, rows: int, hot: int, seconds: float, seed: int) -> dict[str, int]:
    """Race writers against re-encryptions and check every row; returns counts."""
    application = _filled(site, rows)
    broken = _damaged(application, range(hot, hot + BROKEN))
    script = str(Path(__file__).with_name("race_writer.py"))
    reports = [site.folder / f"writer-{number}.json" for number in range(WRITERS)]
    commands = [
        [sys.executable, script, url, str(number), str(WRITERS), str(hot), str(seconds), str(seed), str(report)]
        for number, report in enumerate(reports)
    ]
    passes = 1
    # One that yields makes small steps, one that does not many passes.
    pace = Pace(batch_size=100, commit_every=200, yields=seed % 2 == 0)
    with _started(commands) as writers:
        number = site.request(application, pace)
        while any(writer.poll() is None for writer in writers):
            run_once(site, number)
            if site.job(number).state == "finished":
                passes += 1
                site.ring = ring(f"v{passes + 1}", *[f"v{one}" for one in range(2, passes + 1)])
                number = site.request(application, pace)
    said = [json.loads(report.read_text()) for report in reports]
    while site.job(number).state != "finished":
        run_once(site, number)
    last = {int(row): text for one in said for row, text in one["last"].items()}
    _verify(site, application, broken, last)
    return {"passes": passes, "writes": sum(len(one["waits"]) for one in said), "rows": rows}


def kill(site: Site, url: str, *, rows: int, kills: Sequence[str | float]) -> dict[str, int]:
    """Kill the worker at each of the moments (seconds after its start, or a step), and check every row."""
    application = _filled(site, rows)
    _count_writes(url)
    number = site.request(application, Pace(batch_size=50, commit_every=100))
    killed = 0
    for moment in kills:
        killed += _kill_once(site, number, moment)
        _forget_leases(site)
    while site.job(number).state != "finished":
        run_once(site, number)
    _verify(site, application, {}, {})
    with psycopg.connect(url) as connection:
        twice = connection.execute("SELECT count(*) FROM (SELECT id FROM written GROUP BY id HAVING count(*) > 1) x")
        once = connection.execute("SELECT count(DISTINCT id) FROM written")
        counts = {"killed": killed, "written": once.fetchone()[0], "twice": twice.fetchone()[0], "rows": rows}
    if counts["written"] != rows or counts["twice"]:
        raise LostWriteError(str(counts))
    return counts


def _filled(site: Site, rows: int) -> Application:
    application = site.found()
    application.fill([(number,) for number in range(rows)], application.cipher(ring("v1")))
    return application


def _damaged(application: Application, ids: Sequence[int]) -> dict[int, str]:
    tokens = application.tokens()
    broken = {}
    for number in ids:
        token = str(tokens[number,])
        broken[number] = (token[:-3], f"v9{token[2:]}", "no token", token[:30] + "AAAA" + token[34:])[number % 4]
        application.put((number,), broken[number])
    return broken


def _verify(site: Site, application: Application, broken: dict[int, str], last: dict[int, str]) -> None:
    cipher = application.cipher(site.ring)
    for (number,), token in application.tokens().items():
        if number in broken:
            if token != broken[number]:
                raise LostWriteError(f"Broken row {number} was changed.")
            continue
        if cipher.version_of(str(token)) != site.ring.active:
            raise LostWriteError(f"Row {number} was left behind.")
        if cipher.decrypt(str(token), None) != last.get(number, hidden((number,))):
            raise LostWriteError(f"Row {number} does not hold what was written last.")
    if {tuple(row.key) for row in site.quarantine()} != {(number,) for number in broken}:
        raise LostWriteError("The quarantine does not name exactly the broken rows.")


def run_once(site: Site, number: int) -> None:
    """Run one attempt of what is left; one that is to be tried again later is tried at once."""
    for job in open_jobs_of(site.services, number)[:1]:
        with site.services.catalog.begin() as session:
            waiting = update(Job).where(Job.id == job, Job.state == JobState.QUEUED)
            session.execute(waiting.values(run_after=utcnow(), errors=0))
        site.run_job(job)


def _forget_leases(site: Site) -> None:
    # A killed worker's lease would lapse by itself, after a while.
    with site.services.catalog.begin() as session:
        session.execute(update(Job).where(Job.state == JobState.RUNNING).values(lease_until=utcnow(-1.0), crashes=0))


def _kill_once(site: Site, number: int, moment: str | float) -> bool:
    step = moment if isinstance(moment, str) else ""
    script = str(Path(__file__).with_name("killable_worker.py"))
    with _started([[sys.executable, script, str(site.folder), str(number), step]], site.environment) as children:
        if not step:
            try:
                children[0].wait(float(moment))
            except subprocess.TimeoutExpired:
                children[0].send_signal(signal.SIGKILL)
        return children[0].wait(60) == -signal.SIGKILL


def _count_writes(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE written (id bigint)")
        connection.execute(
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN INSERT INTO written VALUES (NEW.id); RETURN NEW; END'"
        )
        connection.execute("CREATE TRIGGER noted AFTER UPDATE ON secret_number FOR EACH ROW EXECUTE FUNCTION note()")


@contextmanager
def _started(commands: Sequence[Sequence[str]], more: dict[str, str] | None = None) -> Iterator[list["Child"]]:
    environment = {**os.environ, **(more or {}), "PYTHONPATH": str(PROJECT)}
    children = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        yield children
    finally:
        for child in children:
            child.kill()
            child.wait()


Child = subprocess.Popen[str]


def main() -> None:
    """Run the long trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with ScratchPostgres(durable=True) as server:
        for number in range(options.races):
            with _site(server, f"race_{number}") as (site, url):
                said = race(site, url, rows=20_000, hot=2_000, seconds=options.seconds, seed=options.seed + number)
                print(f"race {number + 1}: {said}, 0 lost, 0 left behind, {BROKEN} broken rows untouched", flush=True)
        moments = [*STEPS, *(chance.uniform(0.02, 0.4) for _ in range(options.kills))]
        with _site(server, "killed") as (site, url):
            print(f"kills: {kill(site, url, rows=60_000, kills=moments)}", flush=True)


@contextmanager
def _site(server: ScratchPostgres, name: str) -> Iterator[tuple[Site, str]]:
    server.create_database(name)
    with tempfile.TemporaryDirectory(prefix="strongroom-storm-") as folder:
        catalog = f"sqlite:///{folder}/catalog.db"
        engine = open_engine(catalog)
        upgrade(engine)
        engine.dispose()
        site = Site(Path(folder), catalog, server.url(name))
        try:
            yield site, server.url(name)
        finally:
            site.close()
    server.drop_database(name)


if __name__ == "__main__":
    main()
