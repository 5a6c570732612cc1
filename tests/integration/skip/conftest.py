"""A face for encryptors on private ports, with certificates and a pre-shared key, over keys in memory."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from api.encryptor.app import create_app
from api.encryptor.listening import listeners
from api.tls.serving import make_server
from strongroom.clock import SystemClock, system_random
from strongroom.errors import InvalidInputError, UnavailableError
from strongroom.keysync.certificates import Authority, Issued
from strongroom.settings import (
    EncryptorFaceSettings,
    EncryptorSettings,
    PeerSettings,
    SkipSettings,
)
from tests.integration.skip.wired import answering
from tests.services.ports import ReservedPort

PSK = bytes(range(32))
KEY = bytes(range(32, 64))
KEY_ID = "00112233445566778899aabbccddeeff"


@dataclass
class Given:
    key_id: str
    key: bytearray


class GoneError(InvalidInputError):
    code = "test.gone"


class AwayError(UnavailableError):
    code = "test.away"


@dataclass
class Shelf:
    """Keys that are given once, and how often it was asked."""

    held: dict[tuple[str, str], bytes] = field(default_factory=lambda: {(KEY_ID, "KP-B"): KEY})
    asked: int = 0
    away: bool = False
    broken: Exception | None = None

    def take(self, remote_system_id: str, size_bits: int) -> Given:
        self.asked += 1
        if self.away:
            raise AwayError("The catalog is away.", next_step="Wait.")
        if remote_system_id != "KP-B":
            raise GoneError("No such peer.", next_step="Ask for another.")
        return Given("0" * 32, bytearray(size_bits // 8))

    def fetch(self, key_id: str, remote_system_id: str) -> bytearray:
        self.asked += 1
        try:
            return bytearray(self.held.pop((key_id, remote_system_id)))
        except KeyError:
            raise GoneError("No such key.", next_step="Ask for another.") from None

    def entropy(self, bits: int) -> bytes:
        if self.broken:
            raise self.broken
        return system_random(bits // 8)


@dataclass
class Face:
    """A running face, and how to reach it."""

    directory: Path
    port: int
    psk_port: int
    shelf: Shelf

    def client(self, certificate: str | None = "fw-1", **options: object) -> httpx.Client:
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}", verify=self.context(certificate), timeout=10, **options
        )

    def context(self, certificate: str | None = "fw-1") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.directory / "ca.pem")
        if certificate:
            context.load_cert_chain(self.directory / f"{certificate}.pem", self.directory / f"{certificate}.key")
        return context


def write(directory: Path, name: str, issued: Issued) -> None:
    (directory / f"{name}.pem").write_bytes(issued.certificate)
    (directory / f"{name}.key").write_bytes(issued.key)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that is shown at the face: its own certificate, encryptors', a peer's and a stranger's."""
    directory = tmp_path_factory.mktemp("certificates")
    now = datetime.now(UTC)
    ours, other = Authority("Encryptors", now, 10), Authority("Peers", now, 10)
    (directory / "ca.pem").write_bytes(ours.certificate)
    write(directory, "face", ours.issue_server("face", ["127.0.0.1", "localhost"], now, 5))
    for name in ("fw-1", "fw-2", "unlisted"):
        write(directory, name, ours.issue_encryptor(name, now, 5))
    for name, san in (
        ("by-uri", x509.UniformResourceIdentifier("urn:example:fw-3")),
        ("by-dns", x509.DNSName("fw-4.example.org")),
    ):
        write(directory, name, ours._issue("somebody", [san], [ExtendedKeyUsageOID.CLIENT_AUTH], now, 5))
    write(directory, "both", ours._issue("fw-1", [san], [ExtendedKeyUsageOID.CLIENT_AUTH], now, 5))
    write(directory, "peer", other.issue_provider("KP-B", ["127.0.0.1"], now, 5))
    (directory / "fw-1.psk").touch(mode=0o600)
    (directory / "fw-1.psk").write_text(PSK.hex())
    return directory


@contextmanager
def serving(skip: SkipSettings, shelf: Shelf) -> Iterator[None]:
    """Run the face for encryptors in a thread for the length of a block."""
    app = create_app(skip, shelf, clock=SystemClock(), random=system_random)
    with answering(make_server(app, listeners(skip, {}))):
        yield


@pytest.fixture(scope="module")
def running_face(certificates: Path) -> Iterator[Face]:
    """Start the face."""
    ports = [ReservedPort(), ReservedPort()]
    skip = SkipSettings(
        system_id="KP-A",
        encryptor_face=EncryptorFaceSettings(
            port=ports[0].number,
            psk_port=ports[1].number,
            certificate=certificates / "face.pem",
            key=certificates / "face.key",
            client_ca=certificates / "ca.pem",
        ),
        encryptors={
            "fw-1": EncryptorSettings(name="fw-1", psk_file=certificates / "fw-1.psk"),
            "fw-2": EncryptorSettings(name="fw-2", remotes=("KP-[CD]",)),
            "by-uri": EncryptorSettings(name="by-uri", identity="urn:example:fw-3"),
            "by-dns": EncryptorSettings(name="by-dns", identity="fw-4.example.org"),
        },
        peers={
            "b": PeerSettings(name="b", system_id="KP-B", url="https://127.0.0.1:1"),
            "c": PeerSettings(name="c", system_id="KP-C", url="https://127.0.0.1:1"),
        },
    )
    shelf = Shelf()
    with serving(skip, shelf):
        yield Face(certificates, skip.encryptor_face.port, skip.encryptor_face.psk_port or 0, shelf)
    for port in ports:
        port.release()


@pytest.fixture
def face(running_face: Face) -> Face:
    """Return the face with its shelf full."""
    running_face.shelf.held = {(KEY_ID, "KP-B"): KEY}
    running_face.shelf.asked = 0
    running_face.shelf.away = False
    running_face.shelf.broken = None
    return running_face
