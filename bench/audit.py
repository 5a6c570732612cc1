"""How fast the audit log is checked and written, on PostgreSQL: `make bench-audit`.

A million rows are made with the same code that writes them, and copied into the table at once, as writing one by one
would take longer than all else. The check is the one of `strongroom audit verify`. Appends are whole transactions, each
of one change and its row, one at a time and eight at a time.
"""

import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import psycopg
from sqlalchemy import text

from strongroom.access.principals import PrincipalKind
from strongroom.audit.acting import Actor
from strongroom.audit.events import AuditEvent
from strongroom.audit.recording import record
from strongroom.audit.rows import FIELDS, FIRST, mac_of, seal_of
from strongroom.audit.verifying import AuditLog
from strongroom.catalog.audit import AuditFilter, list_audit
from strongroom.catalog.schema import upgrade
from strongroom.clock import SystemClock, system_random
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.purposekeys.keys import Purpose
from strongroom.runtime import open_catalog
from strongroom.testing.postgres import ScratchPostgres

ROWS = 1_000_000
GOAL_SECONDS = 60.0
APPENDS = 1_000
AT_ONCE = 8
ACTOR = Actor(PrincipalKind.OPERATOR, "0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d", "anna", "192.0.2.17", "POST /v1/backups")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
MEBIBYTE = 1024
CHANGE = text("INSERT INTO schedule_progress (source, spec, followed_until) VALUES (:source, '', '2026-01-01')")


def fill(log: AuditLog, server: ScratchPostgres, rows: int) -> None:
    """Write a chain of rows with one statement."""
    key, mac, at = log.key(), FIRST, SystemClock().now()
    columns = ", ".join((*FIELDS, "mac"))
    with psycopg.connect(server.url("bench")) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY audit_log ({columns}) FROM STDIN") as copy:
            for sequence in range(1, rows + 1):
                row = [sequence, at + timedelta(milliseconds=sequence), *_texts(sequence)]
                mac = mac_of(key, mac, row)
                copy.write_row((*row, mac))
        chain = cursor.execute("SELECT chain FROM audit_head").fetchone()
        assert chain is not None
        sealed = (rows, mac, seal_of(key, chain[0], rows, mac))
        cursor.execute("UPDATE audit_head SET sequence = %s, mac = %s, seal = %s", sealed)
    with psycopg.connect(server.url("bench"), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE audit_log")


def _texts(sequence: int) -> list[str]:
    who = [ACTOR.kind.value, ACTOR.id, ACTOR.name, ACTOR.address, ACTOR.operation]
    what = [ACTOR.operation, f"source-{sequence % 40}", "done", ""]
    return [*who, *what, f"{sequence:032x}", TRACE, "", f"{sequence:064x}"]


def change(log: AuditLog, count: int, *, told: bool) -> None:
    """Make so many changes, each of a row of its own; with `told` each leaves a row in the log."""
    for _ in range(count):
        with log.catalog.begin() as session:
            session.execute(CHANGE, {"source": system_random(8).hex()})
            if told:
                record(session, AuditEvent("user_updated", "shop"))


def measure_appends(log: AuditLog) -> None:
    """Print how many changes can be made in a second, with and without a row in the log."""
    for workers in (1, AT_ONCE):
        for told, words in ((False, "without"), (True, "with")):
            change(log, 20, told=told)
            began = time.perf_counter()
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(partial(change, log, told=told), [APPENDS // workers] * workers))
            print(
                f"{APPENDS / (time.perf_counter() - began):8.0f} changes/s {words} a row, {workers} at a time, synced"
            )


def measure_lists(log: AuditLog) -> None:
    """Print how long a page takes: the newest rows, and those of somebody, of an action or of a trace that are rare."""
    wishes = {
        "the newest": AuditFilter(),
        "of one who did all": AuditFilter(actor=ACTOR.name),
        "of nobody": AuditFilter(actor="nobody"),
        "of a rare action": AuditFilter(action="user_updated"),
        "of one source of 40": AuditFilter(target="source-7"),
        "of one request": AuditFilter(request_id=f"{ROWS // 2:032x}"),
    }
    for words, wanted in wishes.items():
        began = time.perf_counter()
        with log.catalog.read() as session:
            found = len(list_audit(session, wanted, limit=50).items)
        print(f"{(time.perf_counter() - began) * 1000:8.1f} ms for a page of {found} rows, {words}")


def measure_check(log: AuditLog) -> float:
    """Print how long the check of all rows takes, and what it takes of memory; return the seconds."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    checked = log.check_whole()
    took = time.perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / MEBIBYTE
    checked.verify()
    print(f"{took:8.1f} s for {checked.rows:,} rows, {checked.rows / took:,.0f}/s, goal < {GOAL_SECONDS:.0f} s")
    print(f"{grown:8.1f} MiB more memory")
    return took


def main() -> None:
    """Measure and print; ends with 1 when the check takes longer than the goal."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with ScratchPostgres(durable=True) as server, tempfile.TemporaryDirectory() as folder:
        server.create_database("bench")
        key_file = KeyFile.create(Path(folder) / "strongroom.keys", ["home"])
        catalog, keys = open_catalog(server.url("bench"), {"home": LocalKekProvider(key_file, "home")}, SystemClock())
        upgrade(catalog.engine)
        keys.get(Purpose.AUDIT)
        log = AuditLog(catalog, keys, {})
        fill(log, server, rows)
        took = measure_check(log)
        measure_lists(log)
        measure_appends(log)
        log.check_whole().verify()
        catalog.close()
    raise SystemExit(took >= GOAL_SECONDS)


if __name__ == "__main__":
    main()
