"""A running Strongroom of a test's own: every process that a production installation has, on private ports."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server
from tests.services.s3 import S3Region

PROJECT = Path(__file__).resolve().parents[2]
FINAL = {"succeeded", "failed", "dead", "cancelled"}
WORKERS = ("control", "backup", "recovery")
PATIENCE_SECONDS = 240.0


@dataclass
class Deployment:
    """Processes and an HTTP client with the service token; `configuration` is the text of strongroom.toml."""

    directory: Path
    configuration: str
    environment: Mapping[str, str]
    servers: dict[str, Server] = field(default_factory=dict)
    beat: str = "worker.app"
    """Where Beat finds its application."""

    def __post_init__(self) -> None:
        self.port = ReservedPort()
        self.flower_password = secrets.token_urlsafe(12)
        self.config = self.directory / "strongroom.toml"
        self.config.write_text(f"{self.configuration}\n[api]\nport = {self.port.number}\n")
        self.client = httpx.Client(
            base_url=f"http://{LOOPBACK}:{self.port.number}",
            timeout=30,
        )

    @property
    def variables(self) -> dict[str, str]:
        """The environment of every process."""
        return {
            "PYTHONPATH": str(PROJECT),
            "STRONGROOM_CONFIG": str(self.config),
            "STRONGROOM_FLOWER_PASSWORD": self.flower_password,
            **self.environment,
        }

    def run(self, *words: str, expect: int | None = 0) -> str:
        """Run a `strongroom` command and return its standard output; `expect` None takes any exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "strongroom", *words],
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert expect in (None, done.returncode), f"{words} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def start(self) -> None:
        """Set the installation up and start every process."""
        self.run("init", "--upgrade")
        grants = ("--grant", "read", "--grant", "run", "--grant", "change")
        token = self.run("tokens", "create", "tests", *grants).strip()
        self.client.headers["Authorization"] = f"Bearer {token}"
        self.start_process("api", "api")
        for worker in WORKERS:
            self.start_process(f"worker-{worker}", "worker", worker)
        schedule = str(self.directory / "beat")
        self.start_process("beat", "celery", "--quiet", "--app", self.beat, "beat", "--schedule", schedule)
        eventually(self._is_up, "the API answers")

    def start_process(self, name: str, *module: str, **environment: str) -> None:
        """Start one process; a worker that was killed is started again under its name."""
        server = Server(name, [sys.executable, "-m", *module], self.directory, {**self.variables, **environment})
        server.start(lambda: server.pid is not None)
        self.servers[name] = server

    def kill_worker(self, name: str) -> None:
        """End a worker and its pool processes at once, as a power cut would."""
        pid = self.servers[f"worker-{name}"].pid
        assert pid is not None
        os.killpg(pid, signal.SIGKILL)
        eventually(lambda: self.servers[f"worker-{name}"].pid is None, "the worker is gone")

    def stop(self) -> None:
        """End every process."""
        self.client.close()
        for server in self.servers.values():
            pid = server.pid
            if pid is not None:
                os.killpg(pid, signal.SIGKILL)
        self.port.release()

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request that must be accepted and return the job."""
        answer = self.client.post(path, json=body)
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def get(self, path: str) -> dict[str, Any]:
        """Return a document that must be there."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def await_job(self, job_id: str) -> dict[str, Any]:
        """Return the job when it has succeeded."""
        eventually(lambda: self.get(f"/v1/jobs/{job_id}")["state"] in FINAL, f"job {job_id} ends")
        job = self.get(f"/v1/jobs/{job_id}")
        assert job["state"] == "succeeded", job
        return job

    def back_up(self, source: str) -> str:
        """Back a source up and return the backup's id, when it is committed."""
        job_id: str = self.post("/v1/backups", {"source": source})["id"]
        self.await_job(job_id)
        return job_id

    def await_protected(self, backup: str) -> dict[str, Any]:
        """Return the backup when every region holds it."""
        eventually(lambda: self.get(f"/v1/backups/{backup}")["protected_at"] is not None, f"{backup} is protected")
        return self.get(f"/v1/backups/{backup}")

    def restore(self, backup: str, target: Mapping[str, str], **more: Any) -> dict[str, Any]:
        """Restore a backup and return the job."""
        return self.await_job(self.post("/v1/restores", {"backup": backup, "target": target, **more})["id"])

    def logs(self) -> str:
        """Return what every process has printed."""
        return "\n".join(server.log.read_text(errors="replace") for server in self.servers.values())

    def _is_up(self) -> bool:
        try:
            return self.client.get("/health/live").status_code == 200
        except httpx.TransportError:
            return False


def eventually(condition: Callable[[], bool], what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds; fails with `what` when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)


@contextmanager
def deployed(
    directory: Path, configuration: str, environment: Mapping[str, str], *, beat: str = "worker.app"
) -> Iterator[Deployment]:
    """Run a deployment for the length of a block."""
    deployment = Deployment(directory, configuration, environment, beat=beat)
    try:
        deployment.start()
        yield deployment
    finally:
        deployment.stop()


def bucket_regions(regions: Mapping[str, S3Region]) -> tuple[str, dict[str, str]]:
    """Return the configuration and the secrets of one new bucket a region, home first."""
    tables: list[str] = []
    variables: dict[str, str] = {}
    for number, region in enumerate(regions.values()):
        prefix = f"S3_{number}"
        variables |= {f"{prefix}_ACCESS": region.access_key, f"{prefix}_SECRET": region.secret_key}
        tables.append(
            f'[regions.{region.name}]\nhome = {str(number == 0).lower()}\nkind = "s3"\n'
            f'bucket = "{region.new_bucket()}"\nendpoint = "{region.endpoint}"\ns3_region = "{region.name}"\n'
            f'access_key_env = "{prefix}_ACCESS"\nsecret_key_env = "{prefix}_SECRET"\n'
        )
    return "\n".join(tables), variables
