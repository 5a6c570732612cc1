"""Asking each process itself whether it works; that it lives is not counted."""

import socket
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from stack.errors import PortTakenError
from stack.programs import HEARTBEATS, WITH_KEYS
from strongroom.settings import Settings

SECONDS_PER_QUESTION = 5.0
_ASKING = {"skip.peer_face": "peers", "skip.encryptor_face": "encryptors"}


@dataclass(frozen=True, slots=True)
class Stack:
    """The addresses of a stack, for people and for questions."""

    api: str
    flower: str
    token: str
    metrics: str
    """Where Prometheus asks, without a token."""
    heartbeats: tuple[str, ...] = tuple(HEARTBEATS)
    """Its processes that give signs of life."""
    faces: tuple[tuple[str, str], ...] = ()
    """Where a key provider is asked, each with who asks there."""

    @classmethod
    def of(cls, settings: Settings, token: str) -> "Stack":
        """Return the addresses in the settings; the token is that of the one who asks."""
        return cls(
            api=f"http://{settings.api.host}:{settings.api.port}",
            flower=f"http://{settings.flower.host}:{settings.flower.port}",
            token=token,
            metrics=f"http://{_spell(settings.metrics.host, settings.metrics.port)}/metrics",
            heartbeats=tuple(name for name in HEARTBEATS if settings.skip is not None or name not in WITH_KEYS),
            faces=tuple((_ASKING[section], _spell(*address)) for section, address in _faces(settings)),
        )

    def client(self) -> httpx.Client:
        """Return a client of the API that shows the token; close it, or use it as a context manager."""
        # Proxies in the environment are for the world outside.
        return httpx.Client(
            base_url=self.api,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=SECONDS_PER_QUESTION,
            trust_env=False,
        )

    def waiting_for(self, seconds: float) -> list[str]:
        """Return what has not shown within the last `seconds` that it works, in words; raises PortTakenError."""
        with self.client() as client:
            asked = {"metrics-face": self.metrics, "flower": f"{self.flower}/healthcheck"}
            mute = [name for name, url in asked.items() if not _answers(client, url)]
            if not _answers(client, "/health/ready"):
                return ["api", *mute]
            return [*self._silent(client, seconds), *mute]

    def _silent(self, client: httpx.Client, seconds: float) -> list[str]:
        answer = client.get("/v1/status")
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise PortTakenError(
                f"Another installation answers at {client.base_url}: it does not know the token of this one.",
                next_step="Stop this one with `make down`, set other ports in [api], [metrics], [flower]; start again.",
            )
        processes = answer.raise_for_status().json()["processes"]
        alive = {process["name"].split("@")[0] for process in processes if process["silent_seconds"] < seconds}
        return [program for program in self.heartbeats if HEARTBEATS[program] not in alive]


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url, headers={"Authorization": ""}).status_code == HTTPStatus.OK
    except httpx.TransportError:
        return False


def verify_ports_free(settings: Settings) -> None:
    """Check that nobody listens where the API, its metrics and Flower will; raises PortTakenError."""
    for section, address in _addresses(settings):
        with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise PortTakenError(
                    f"{address[0]}:{address[1]} cannot be listened on: {error.strerror}.",
                    next_step=f"Stop what listens there, or set another `port` in [{section}] of {settings.path.name}.",
                ) from error


def _addresses(settings: Settings) -> list[tuple[str, tuple[str, int]]]:
    """Return what is listened on, each with the section that says so."""
    addresses = [
        ("api", (settings.api.host, settings.api.port)),
        ("metrics", (settings.metrics.host, settings.metrics.port)),
        ("flower", (settings.flower.host, settings.flower.port)),
    ]
    return [*addresses, *_faces(settings)]


def _faces(settings: Settings) -> list[tuple[str, tuple[str, int]]]:
    if settings.skip is None:
        return []
    encryptors, peers = settings.skip.encryptor_face, settings.skip.peer_face
    faces = [("skip.peer_face", (peers.host, peers.port))]
    if encryptors.certificate is not None or encryptors.plain_http:
        faces.append(("skip.encryptor_face", (encryptors.host, encryptors.port)))
    if encryptors.psk_port is not None:
        faces.append(("skip.encryptor_face", (encryptors.host, encryptors.psk_port)))
    return faces


def _spell(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
