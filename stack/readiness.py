"""Asking each process itself whether it works; that it lives is not counted."""

import socket
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from stack.errors import PortTakenError
from stack.programs import HEARTBEATS
from strongroom.settings import Settings

SECONDS_PER_QUESTION = 5.0


@dataclass(frozen=True, slots=True)
class Stack:
    """The addresses of a stack, for people and for questions."""

    api: str
    flower: str
    token: str

    @classmethod
    def of(cls, settings: Settings) -> "Stack":
        """Return the addresses in the settings."""
        return cls(
            api=f"http://{settings.api.host}:{settings.api.port}",
            flower=f"http://{settings.flower.host}:{settings.flower.port}",
            token=settings.require_api_token().get_secret_value(),
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
        """Return what has not shown within the last `seconds` that it works, in words."""
        with self.client() as client:
            flower = [] if _answers(client, f"{self.flower}/healthcheck") else ["flower"]
            if not _answers(client, "/health/ready"):
                return ["api", *flower]
            return [*_silent(client, seconds), *flower]


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url, headers={"Authorization": ""}).status_code == HTTPStatus.OK
    except httpx.TransportError:
        return False


def _silent(client: httpx.Client, seconds: float) -> list[str]:
    processes = client.get("/v1/status").raise_for_status().json()["processes"]
    alive = {process["name"].split("@")[0] for process in processes if process["silent_seconds"] < seconds}
    return [program for program, name in HEARTBEATS.items() if name not in alive]


def verify_ports_free(settings: Settings) -> None:
    """Check that nobody listens where the API and Flower will; raises PortTakenError."""
    for section, address in (("api", (settings.api.host, settings.api.port)), ("flower", _flower(settings))):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise PortTakenError(
                    f"{address[0]}:{address[1]} cannot be listened on: {error.strerror}.",
                    next_step=f"Stop what listens there, or set another `port` in [{section}] of {settings.path.name}.",
                ) from error


def _flower(settings: Settings) -> tuple[str, int]:
    return settings.flower.host, settings.flower.port
