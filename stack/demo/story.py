"""The demo, act by act."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from stack.demo import sample_database, sample_tree
from stack.demo.operator import DemoFailedError, Json, Operator
from stack.demo.scene import DATABASE, REGIONS, Scene
from stack.lifecycle import down, up
from strongroom.clock import SystemClock

RESTORED_DATABASE = "shop_restored"
SOURCES = ("shop", "files")


class Story:
    """Plays the acts and keeps how long each took."""

    def __init__(self, scene: Scene, console: Console) -> None:
        self._scene = scene
        self._console = console
        self._seconds: dict[str, float] = {}

    def play(self, base: Mapping[str, str]) -> None:
        """Play all of it and stop what it started; raises DemoFailedError on any difference."""
        clock = SystemClock()
        try:
            with self._act("Start the service: broker, API, workers, Beat, Flower"):
                stack = up(self._scene.installation, self._scene.environment(base), clock, self._say)
            with stack.client() as client:
                self._play(Operator(client, self._console))
        finally:
            down(self._scene.installation, clock)

    def _play(self, operator: Operator) -> None:
        with self._act("Back up the database and the directory into the home region"):
            backups = self._back_up(operator)
        with self._act(f"Wait until {', '.join(REGIONS[1:])} hold copies"):
            protected = [operator.await_protected(backup) for backup in backups]
        with self._act(f"Lose the home region {REGIONS[0]}: delete its directory"):
            shutil.rmtree(self._scene.region(REGIONS[0]))
        with self._act("Restore both into new places from what is left"):
            restores = self._restore(operator)
        with self._act("Compare row by row and byte by byte"):
            compared = self._compare()
        self._summarize(protected, restores, compared)

    def _back_up(self, operator: Operator) -> list[str]:
        jobs = {source: operator.start("/v1/backups", {"source": source}) for source in SOURCES}
        for source, job in jobs.items():
            operator.await_success(job, source)
        return list(jobs.values())

    def _restore(self, operator: Operator) -> list[Json]:
        targets = {
            "shop": {"kind": "postgres", "server": "shop", "dbname": RESTORED_DATABASE},
            "files": {"kind": "files", "path": str(self._scene.restored_files)},
        }
        jobs = {
            source: operator.start("/v1/restores", {"backup": f"latest:{source}", "target": target})
            for source, target in targets.items()
        }
        for source, job in jobs.items():
            operator.await_success(job, source)
        return [operator.get(f"/v1/restores/{job}") for job in jobs.values()]

    def _compare(self) -> list[str]:
        database = self._scene.database
        with database.connect(DATABASE) as before, database.connect(RESTORED_DATABASE) as after:
            rows, differing_rows = sample_database.differences(before, after)
        entries, differing_files = sample_tree.differences(self._scene.files, self._scene.restored_files)
        if differing_rows or differing_files:
            listing = "\n".join([*differing_rows, *differing_files][:20])
            raise DemoFailedError(f"What was restored is not what was backed up:\n{listing}", next_step="Report this.")
        return [f"{rows:,} rows equal", f"{entries:,} entries equal"]

    def _summarize(self, backups: list[Json], restores: list[Json], compared: list[str]) -> None:
        table = Table("source", "read", "stored", "copies", "restored from", "compared", title="What was shown")
        for backup, restore, result in zip(backups, restores, compared, strict=True):
            stored = (
                f"{decimal(backup['stored_bytes'])} ({backup['source_bytes'] / max(1, backup['stored_bytes']):.1f}:1)"
            )
            copies = str(sum(replica["state"] == "present" for replica in backup["replicas"]))
            read = decimal(backup["source_bytes"])
            table.add_row(backup["source"], read, stored, copies, str(restore["region"]), result)
        self._console.print()
        self._console.print(table)
        for what, seconds in self._seconds.items():
            self._console.print(f"  {seconds:6.1f} s  {what}")

    def _say(self, text: str) -> None:
        self._console.print(f"    {text}", markup=False, style="dim")

    @contextmanager
    def _act(self, what: str) -> Iterator[None]:
        self._console.print(f"\n[bold]{len(self._seconds) + 1}. {what}[/bold]")
        began = time.monotonic()
        yield
        self._seconds[what] = time.monotonic() - began
