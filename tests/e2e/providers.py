"""Two key providers of a test's own, each with its own database, broker, workers and faces."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from stack.programs import flower_login, flower_options
from strongroom.keysync.keeping import Keeper
from strongroom.keysync.opening import make_sender
from strongroom.keysync.provider import Provider, open_provider
from strongroom.keysync.sending import Sender
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings
from tests.e2e.deployment import Deployment, eventually
from tests.services.ports import LOOPBACK, ReservedPort
from worker.broker import PROVIDER_QUEUES

CONFIGURATION = '[regions.here]\npath = "region"\n'
FACES = ("encryptor", "peer")
SITES = ("lisbon", "porto")
_PORT = re.compile(r"\b8[45]\d\d\b")


@dataclass
class KeyProvider(Deployment):
    """One site: the workers for keys, Beat and the two faces; no API, no Flower."""

    bundle: Path = field(default_factory=Path)

    @property
    def system_id(self) -> str:
        """Return what it is called on the wire: the name of its site."""
        return self.bundle.name

    @property
    def address(self) -> str:
        """Return host and port of its face for encryptors."""
        return f"{LOOPBACK}:{self._ports[0]}"

    @property
    def _ports(self) -> list[int]:
        """Return where its faces listen, the one for encryptors first."""
        tables = (self.bundle / "skip.toml").read_text()
        return [int(port) for port in re.findall(r"^port = (\d+)$", tables, flags=re.M)]

    @property
    def identity(self) -> Path:
        """Return the files that its encryptor shows, without their endings."""
        return self.bundle / "encryptors" / f"fw-{self.bundle.name}"

    @property
    def psk_port(self) -> int:
        """Return where encryptors with a pre-shared key come to."""
        return int(re.findall(r"^psk_port = (\d+)$", (self.bundle / "skip.toml").read_text(), flags=re.M)[0])

    def psk(self, name: str) -> bytes:
        """Return the pre-shared key of an encryptor."""
        return bytes.fromhex((self.bundle / "encryptors" / f"{name}.psk").read_text())

    def start(self) -> None:
        """Join the set-up and start every process."""
        self.join()
        self.start_processes()

    def join(self) -> None:
        """Make this installation one of the sites."""
        self.run("init", "--upgrade")
        self.run("peers", "join", str(self.bundle))

    def start_processes(self) -> None:
        """Start every process and wait until encryptors are answered."""
        self.start_workers()
        self.start_scheduler()
        self.start_faces()

    def start_workers(self) -> None:
        """Start the workers of a key provider."""
        for queue in PROVIDER_QUEUES:
            self.start_process(f"worker-{queue}", "worker", queue)

    def start_scheduler(self) -> None:
        """Start Beat."""
        schedule = str(self.directory / "beat")
        self.start_process("beat", "worker", "beat", "--schedule", schedule)

    def start_faces(self) -> None:
        """Start the two faces and wait until peers can connect and encryptors are answered."""
        for face in FACES:
            self.start_process(face, "api", face)
        self.await_faces()

    def start_flower(self) -> None:
        """Start Flower with the options that the service gives it, unless it runs."""
        if "flower" in self.servers:
            return
        settings = load_settings(self.config, self.variables)
        self.start_process("flower", "worker", "flower", *flower_options(settings), **flower_login(settings))
        eventually(lambda: "worker" in self.flower("/api/workers"), "Flower answers", seconds=60)

    def flower(self, path: str) -> str:
        """Return what Flower shows to who has the password, or nothing while it does not answer."""
        settings = load_settings(self.config, self.variables)
        user, _, password = flower_login(settings)["FLOWER_BASIC_AUTH"].partition(":")
        address = f"http://{LOOPBACK}:{settings.flower.port}{path}"
        try:
            return httpx.get(address, auth=(user, password), trust_env=False, timeout=30).text
        except httpx.TransportError:
            return ""

    def await_faces(self) -> None:
        """Wait until peers can connect and encryptors are answered."""
        eventually(lambda: all(map(_listens, self._ports)), f"{self.system_id} listens", seconds=60)
        eventually(self._answers, f"{self.system_id} answers", seconds=60)

    def start_another_face(self, port: int) -> None:
        """Start one more process of the face for encryptors, on another port of this machine."""
        config = self.config.with_name("another.toml")
        config.write_text(self.config.read_text().replace(f"\nport = {self._ports[0]}\n", f"\nport = {port}\n"))
        self.start_process("encryptor-2", "api", "encryptor", STRONGROOM_CONFIG=str(config))
        eventually(lambda: self._answers(port), f"{self.system_id} answers at {port}", seconds=60)

    def kill(self, name: str) -> None:
        """End a process at once, as a power cut would."""
        pid = self.servers[name].pid
        assert pid is not None
        os.killpg(pid, signal.SIGKILL)
        eventually(lambda: self.servers[name].pid is None, f"{name} is gone")

    def encryptor(self, port: int | None = None) -> httpx.Client:
        """Return an encryptor at this site."""
        address = self.address if port is None else f"{LOOPBACK}:{port}"
        return httpx.Client(base_url=f"https://{address}", verify=self.shown, timeout=10, trust_env=False)

    @property
    def shown(self) -> ssl.SSLContext:
        """Return how its encryptor shows itself."""
        context = ssl.create_default_context(cafile=self.identity.with_name("encryptor-ca.pem"))
        context.load_cert_chain(f"{self.identity}.pem", f"{self.identity}.key")
        return context

    def peer(self, other: "KeyProvider") -> httpx.Client:
        """Return what asks the face for peers of another site with this site's certificate."""
        files = self.bundle / "skip"
        context = ssl.create_default_context(cafile=files / "peer-ca.pem")
        context.load_cert_chain(files / "peer.pem", files / "peer.key")
        return httpx.Client(base_url=f"https://{LOOPBACK}:{other._ports[1]}", verify=context, trust_env=False)

    def _answers(self, port: int | None = None) -> bool:
        try:
            with self.encryptor(port) as client:
                return client.get("/capabilities").status_code == 200
        except httpx.TransportError:
            return False


def _listens(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex((LOOPBACK, port)) == 0


def make_sites(
    directory: Path, *options: str, sites: Sequence[str] = SITES, environment: str = "development"
) -> tuple[list[Path], list[ReservedPort]]:
    """Make the folders of sites on this machine, with ports that nobody else has."""
    words = ["peers", "setup", str(directory), "--plain-ids", "--environment", environment, *options]
    for site in sites:
        words += ["--site", f"{site}={LOOPBACK}", "--encryptor", f"{site}=fw-{site}"]
    subprocess.run([sys.executable, "-m", "strongroom", *words], check=True, capture_output=True)
    ports: dict[str, ReservedPort] = {}
    for site in sites:
        tables = directory / site / "skip.toml"
        for port in _PORT.findall(tables.read_text()):
            ports.setdefault(port, ReservedPort())
        tables.write_text(_PORT.sub(lambda found: str(ports[found[0]].number), tables.read_text()))
    return [directory / site for site in sites], list(ports.values())


@contextmanager
def made_pair(
    directory: Path, environments: Sequence[Mapping[str, str]], *options: str
) -> Iterator[tuple[KeyProvider, KeyProvider]]:
    """Make two providers that are peers; end what they have started after the block."""
    bundles, ports = make_sites(directory / "sites", *options)
    pair = []
    for bundle, environment in zip(bundles, environments, strict=True):
        home = directory / bundle.name
        home.mkdir()
        ports.append(ReservedPort())
        configuration = f"{CONFIGURATION}[flower]\nport = {ports[-1].number}\n"
        pair.append(KeyProvider(home, configuration, environment, bundle=bundle))
    try:
        yield pair[0], pair[1]
    finally:
        for provider in pair:
            provider.stop()
        for port in ports:
            port.release()


@contextmanager
def paired(directory: Path, environments: Sequence[Mapping[str, str]]) -> Iterator[tuple[KeyProvider, KeyProvider]]:
    """Run two providers that are peers for the length of a block; each environment says where its services are."""
    with made_pair(directory, environments) as pair:
        for provider in pair:
            provider.start()
        yield pair


def key_from(answer: httpx.Response) -> Mapping[str, str]:
    """Return the key in an answer that must hold one."""
    assert answer.status_code == 200, answer.text
    document: Mapping[str, str] = answer.json()
    return document


@contextmanager
def opened(site: KeyProvider) -> Iterator[Provider]:
    """Open one of the providers in this process too, as a worker of it does."""
    runtime = build_runtime(load_settings(site.config, site.variables))
    senders: list[Sender] = []

    def link(keeper: Keeper) -> Sender:
        senders.append(make_sender(runtime.settings.require_skip(), runtime.clock, runtime.random)(keeper))
        return senders[-1]

    try:
        yield open_provider(runtime.services(), link)
    finally:
        senders[0].close()
        runtime.close()
