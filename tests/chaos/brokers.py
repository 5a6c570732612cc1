"""The two kinds of broker, and how each is hurt."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import amqp
import redis

from tests.services.rabbitmq import RabbitMq, running_rabbitmq
from tests.services.valkey import Valkey, running_valkey
from worker.broker import QUEUE_NAMES


class BrokerKind(StrEnum):
    """Which broker an installation uses."""

    VALKEY = "valkey"
    RABBITMQ = "rabbitmq"


class Broker(Protocol):
    """A broker whose data survive `kill` and a following `start`."""

    @property
    def url(self) -> str:
        """The address."""

    @property
    def pid(self) -> int | None:
        """The id of the running process."""

    def start(self) -> None:
        """Start it and wait until it answers."""

    def stop(self) -> None:
        """Stop it in order."""

    def kill(self) -> None:
        """End it as a power cut would."""

    def forget(self) -> None:
        """While it is down: remove every message it has on disk."""

    def empty(self) -> None:
        """Throw away every message."""

    def cut(self) -> None:
        """Cut every connection."""


@dataclass(frozen=True)
class ValkeyBroker:
    """Valkey, which answers Redis' protocol."""

    server: Valkey

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def pid(self) -> int | None:
        return self.server.server.pid

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.stop()

    def kill(self) -> None:
        self.server.kill()

    def forget(self) -> None:
        shutil.rmtree(self.server.server.directory / "appendonlydir", ignore_errors=True)

    def empty(self) -> None:
        with suppress(redis.RedisError), self.server.client() as client:
            client.flushall()

    def cut(self) -> None:
        with suppress(redis.RedisError), self.server.client() as client:
            for kind in ("normal", "pubsub"):
                client.client_kill_filter(_type=kind, skipme=True)


@dataclass(frozen=True)
class RabbitMqBroker:
    """RabbitMQ with quorum queues."""

    server: RabbitMq

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def pid(self) -> int | None:
        return self.server.server.pid

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.stop()

    def kill(self) -> None:
        self.server.kill()

    def forget(self) -> None:
        # Its users lie beside its messages, and its settings make them anew.
        shutil.rmtree(self.server.server.directory / "data", ignore_errors=True)

    def empty(self) -> None:
        with suppress(OSError, amqp.AMQPError):
            self.server.empty(QUEUE_NAMES)

    def cut(self) -> None:
        # It has no call for that over AMQP; losing every message is the worse fault.
        self.empty()


@contextmanager
def running_broker(directory: Path, kind: BrokerKind) -> Iterator[Broker]:
    """Run a broker with its data below the directory."""
    place = directory / f"broker-{secrets.token_hex(4)}"
    if kind is BrokerKind.VALKEY:
        with running_valkey(place) as valkey:
            yield ValkeyBroker(valkey)
    else:
        with running_rabbitmq(place) as rabbitmq:
            yield RabbitMqBroker(rabbitmq)
