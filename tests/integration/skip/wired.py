"""Two whole providers in this process: real catalogs, real TLS, a real Valkey."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import uvicorn

from api.peer.process import make_peer_server
from strongroom.clock import SystemClock, system_random
from strongroom.keyring.key_file import KeyFile
from strongroom.keysync.certificates import Authority, Issued
from strongroom.keysync.keeping import Keeper
from strongroom.keysync.messages import KeyItem
from strongroom.keysync.opening import make_sender
from strongroom.keysync.provider import Provider, open_provider
from strongroom.keysync.sending import Sender
from strongroom.keysync.wires import WireAnswer
from strongroom.runtime import Runtime, build_runtime
from strongroom.settings import load_settings
from tests.services.ports import ReservedPort
from tests.services.valkey import Valkey

CONFIGURATION = """
[regions.home]
path = "region"
[skip]
system_id = "{own}"
[skip.peer_face]
port = {own_port}
certificate = "peer.pem"
key = "peer.key"
peer_ca = "ca.pem"
[skip.peers.other]
system_id = "{other}"
url = "https://127.0.0.1:{other_port}"
minimum_profile = "{profile}"
low_water = 16
high_water = 40
batch = 16
"""


@dataclass
class Site:
    """One side; `sender` is its own end of the line, which can be listened to."""

    runtime: Runtime
    provider: Provider
    sender: Sender
    directory: Path
    port: int


@dataclass
class Sites:
    """Both sides."""

    a: Site
    b: Site
    valkey: Valkey


@dataclass(frozen=True)
class Shape:
    """How a pair is made: what is spoken at least, what B's certificate is for, and at which port A comes to B."""

    profile: str = "v2"
    host: str = "127.0.0.1"
    way: Callable[[int], int] = int


@contextmanager
def open_sites(directory: Path, urls: tuple[str, str], valkey: Valkey, shape: Shape = Shape()) -> Iterator[Sites]:
    """Run the faces of A and B, each on the catalog of its URL, with a shared secret installed on both."""
    now, reserved = datetime.now(UTC), {name: ReservedPort() for name in ("KP-A", "KP-B")}
    ports = {name: port.number for name, port in reserved.items()}
    authority = Authority("Peers", now, 10)
    with ExitStack() as opened:
        made = []
        for own, other, url in (("KP-A", "KP-B", urls[0]), ("KP-B", "KP-A", urls[1])):
            place = directory / own
            show(place, authority.issue_provider(own, [shape.host], now, 5), authority)
            KeyFile.create(place / "strongroom.keys", ["home"])
            way = shape.way(ports[other]) if own == "KP-A" else ports[other]
            text = CONFIGURATION.format(
                own=own, other=other, own_port=ports[own], other_port=way, profile=shape.profile
            )
            (place / "strongroom.toml").write_text(text)
            made.append(opened.enter_context(running(place, url, valkey.url, ports[own])))
            made[-1].provider.psks.install(other, "p1", bytes(range(32)))
        for site in made:
            # Before the faces end: they would wait for connections that are open.
            opened.callback(site.sender.close)
        yield Sites(*made, valkey)
    for port in reserved.values():
        port.release()


def show(place: Path, issued: Issued, authority: Authority) -> None:
    place.mkdir()
    (place / "ca.pem").write_bytes(authority.certificate)
    (place / "peer.pem").write_bytes(issued.certificate)
    (place / "peer.key").write_bytes(issued.key)


@contextmanager
def running(directory: Path, catalog_url: str, broker_url: str, port: int) -> Iterator[Site]:
    """Run the face of one side in a thread."""
    environment = {"STRONGROOM_CATALOG_URL": catalog_url, "STRONGROOM_BROKER_URL": broker_url}
    runtime = build_runtime(load_settings(directory / "strongroom.toml", environment))
    senders: list[Sender] = []

    def link(keeper: Keeper) -> Sender:
        senders.append(make_sender(runtime.settings.require_skip(), runtime.clock, runtime.random)(keeper))
        return senders[-1]

    provider = open_provider(runtime.services(), link)
    with answering(make_peer_server(runtime)):
        yield Site(runtime, provider, senders[0], directory, port)
        senders[0].close()
    runtime.close()


@contextmanager
def answering(server: uvicorn.Server) -> Iterator[None]:
    """Run a face in a thread for the length of a block."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive()
        yield
    finally:
        server.should_exit = True
        thread.join(10)


def new_key() -> KeyItem:
    now = SystemClock().now()
    return KeyItem(system_random(16).hex(), system_random(32), 256, now, now + timedelta(hours=1), "KP-A")


def listen(site: Site, peer: str) -> list[bytes]:
    """Return a list that what is sent to a peer from now on is added to."""
    heard: list[bytes] = []
    wire = site.sender._wires(peer)
    send = wire.post

    def post(body: bytes, timeout_seconds: float) -> WireAnswer:
        heard.append(body)
        return send(body, timeout_seconds)

    wire.post = post  # type: ignore[method-assign]  # as somebody on the way could
    return heard


def client_of(site: Site, to: Site) -> httpx.Client:
    """Return what asks the face of one site with the certificate of another."""
    context = ssl.create_default_context(cafile=site.directory / "ca.pem")
    context.load_cert_chain(site.directory / "peer.pem", site.directory / "peer.key")
    return httpx.Client(base_url=f"https://127.0.0.1:{to.port}", verify=context, trust_env=False)


def say_again(sites: Sites, body: bytes) -> tuple[int, bytes]:
    """Send a body to B as A."""
    with client_of(sites.a, sites.b) as client:
        answer = client.post("/sync", content=body)
    return answer.status_code, answer.content
