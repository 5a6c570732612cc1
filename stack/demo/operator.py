"""What an operator does, through the HTTP API: start a job, follow its events, look at what came of it."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
from rich.console import Console
from rich.filesize import decimal

from strongroom.errors import StrongroomError

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_TO_PROTECT = 300.0

Json = dict[str, Any]


class DemoFailedError(StrongroomError):
    """The demo did not show what it is there to show."""

    code = "stack.demo_failed"


class Operator:
    """A client of the API that says on the console what it sees."""

    def __init__(self, client: httpx.Client, console: Console) -> None:
        self._client = client
        self._console = console

    def start(self, path: str, body: Json) -> str:
        """Ask for a job and return its id; the key makes asking twice harmless."""
        answer = self._client.post(path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
        return str(_verified(answer)["id"])

    def get(self, path: str) -> Json:
        """Return a document."""
        return _verified(self._client.get(path))

    def await_success(self, job_id: str, what: str) -> Json:
        """Follow the events of a job to its end and return it; raises DemoFailedError unless it succeeded."""
        job: Json = {}
        for job in self._events(job_id):
            self._show(what, job)
        if job.get("state") != "succeeded":
            error = job.get("last_error") or {}
            raise DemoFailedError(
                f"{what}: {job.get('state')}. {error.get('message', '')}", next_step=str(error.get("next_step", ""))
            )
        return job

    def await_protected(self, backup_id: str) -> Json:
        """Wait until every region of the policy holds the backup and return it."""
        deadline = time.monotonic() + SECONDS_TO_PROTECT
        while time.monotonic() < deadline:
            backup = self.get(f"/v1/backups/{backup_id}")
            if backup["protected_at"]:
                return backup
            time.sleep(SECONDS_BETWEEN_LOOKS)
        raise DemoFailedError(f"Backup {backup_id} was not protected in time.", next_step="Look into the worker's log.")

    def _events(self, job_id: str) -> Iterator[Json]:
        with self._client.stream("GET", f"/v1/jobs/{job_id}/events", timeout=60.0) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def _show(self, what: str, job: Json) -> None:
        progress = job["progress"]
        if job["state"] != "running" or not progress:
            self._console.print(f"    {what:<10} {job['state']}")
            return
        total = f" of {decimal(progress['total_bytes'])}" if progress["total_bytes"] else ""
        speed = f", {decimal(progress['bytes_per_second'])}/s" if progress["bytes_per_second"] else ""
        self._console.print(f"    {what:<10} {progress['phase']} {decimal(progress['done_bytes'])}{total}{speed}")


def _verified(answer: httpx.Response) -> Json:
    document: Json = answer.json()
    if answer.is_error:
        raise DemoFailedError(str(document.get("detail")), next_step=str(document.get("next_step")))
    return document
