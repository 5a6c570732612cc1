"""Every page that Flower shows to who is logged in, of a real Flower beside a deployment."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

import httpx

from tests.e2e.deployment import Deployment, eventually
from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server

PAGES = ("/", "/workers", "/tasks", "/broker", "/workers?json=1", "/api/workers?refresh=1", "/api/tasks")
TABLE = (
    "/tasks/datatable?draw=1&start=0&length=100&search[value]="
    "&order[0][column]=0&order[0][dir]=asc&columns[0][data]=name"
)


class Flower:
    """A Flower that asks for a login, and what it shows."""

    def __init__(self, url: str, password: str, server: Server) -> None:
        self.server = server
        self._client = httpx.Client(base_url=url, auth=("strongroom", password), trust_env=False, timeout=60)
        self._stranger = httpx.Client(base_url=url, trust_env=False, timeout=60)

    def is_up(self) -> bool:
        """Say whether it answers."""
        with suppress(httpx.TransportError):
            return self._client.get("/healthcheck").status_code == 200
        return False

    def tasks(self) -> dict[str, dict[str, object]]:
        """Return what it knows of tasks."""
        found: dict[str, dict[str, object]] = self._client.get("/api/tasks").json()
        return found

    def shown(self) -> str:
        """Return every page about everything it knows, with what it has printed; nobody else sees any."""
        tasks, workers = self.tasks(), self._client.get("/api/workers").json()
        paths = [*PAGES, TABLE, *(f"/worker/{quote(name)}" for name in workers)]
        paths += [f"/{page}/{task}" for task in tasks for page in ("task", "api/task/info")]
        pages = []
        for path in paths:
            page = self._client.get(path, follow_redirects=True)
            assert page.status_code == 200, f"{path}: {page.status_code}"
            assert self._stranger.get(path).status_code == 401, path
            pages.append(page.text)
        return "\n".join([*pages, self.server.log.read_text(errors="replace")])

    def close(self) -> None:
        """Close both clients."""
        self._client.close()
        self._stranger.close()


@contextmanager
def flower_beside(deployment: Deployment) -> Iterator[Flower]:
    """Run Flower as an installation does, on a port of its own, for the length of a block."""
    port = ReservedPort()
    config = deployment.directory / "flower.toml"
    config.write_text(f"{deployment.config.read_text()}\n[flower]\nport = {port.number}\n")
    variables = {**deployment.variables, "STRONGROOM_CONFIG": str(config)}
    server = Server("flower", [sys.executable, "-m", "worker", "flower"], deployment.directory, variables)
    flower = Flower(f"http://{LOOPBACK}:{port.number}", deployment.flower_password, server)
    try:
        server.start(lambda: server.pid is not None)
        eventually(flower.is_up, "Flower answers")
        yield flower
    finally:
        flower.close()
        server.kill()
        port.release()
