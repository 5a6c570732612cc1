"""What Celery is told about each kind of broker; each line says why it is as it is.

The ledger makes every kind equally safe: a lost message is sent again, a second one is turned away. So the options here
decide how soon a fault is noticed, never whether a job is lost.
"""

import ssl
from typing import Any

from kombu import Queue

from strongroom.jobs.kinds import Queue as JobQueue
from strongroom.settings import BrokerSettings

CONTROL_QUEUE = "control"
"""Ticks: short, urgent, and never behind a backup of six hours."""

KEYSYNC_QUEUE = "keysync"
"""Ticks of the key provider: they wait for peers, which no other tick shall do."""

KEYFILL_QUEUE = "keyfill"
"""Keys on their way to peers: for seconds at a time, which no heartbeat shall wait for."""

PROVIDER_QUEUES = (KEYSYNC_QUEUE, KEYFILL_QUEUE)
"""Those of the key provider, which only some installations have."""

QUEUE_NAMES = (CONTROL_QUEUE, *PROVIDER_QUEUES, *JobQueue)

HOURS_HELD = 12
"""Longer than any slice of work: how long a broker lets a worker hold a message before another one is given it."""

CONNECT_SECONDS = 3
SILENCE_SECONDS = 15
"""A half-open connection, or a broker that hangs, is noticed within these instead of never."""
PATIENCE_SECONDS = 5
"""The same for RabbitMQ, which is waited for three times: for the message, the channel and the connection."""

REDIS_OPTIONS: dict[str, Any] = {
    # Until it is over Redis keeps what a killed worker held; the sweeper is faster.
    "visibility_timeout": HOURS_HELD * 3600,
    # All ten priorities of the ledger, lowest number first, instead of Redis' four steps.
    "priority_steps": list(range(10)),
    "socket_timeout": SILENCE_SECONDS,
    "socket_connect_timeout": CONNECT_SECONDS,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "retry_on_timeout": True,
    # A message that cannot be sent is known at once: it is sent inside a transaction of the ledger, which on SQLite
    # keeps every other writer waiting. Workers and Beat connect again by settings of their own.
    "max_retries": 0,
}

RABBITMQ_OPTIONS: dict[str, Any] = {
    # The broker says that it has the message; without this one that it lost would look handed over.
    "confirm_publish": True,
    "read_timeout": PATIENCE_SECONDS,
    "write_timeout": PATIENCE_SECONDS,
    "max_retries": 0,
}

QUORUM_ARGUMENTS: dict[str, Any] = {
    # Replicated, and on disk before the broker confirms.
    "x-queue-type": "quorum",
    # RabbitMQ 4 throws a message away after 20 returns. What is poison is for the ledger to say, which counts crashes.
    "x-delivery-limit": 1000,
    # RabbitMQ takes a message back after 30 minutes, in the middle of a backup. Known since 3.12; the configuration of
    # an older server has to say it. If it does happen the worker connects again and the backup goes on.
    "x-consumer-timeout": HOURS_HELD * 3600 * 1000,
}


def broker_configuration(broker: BrokerSettings) -> dict[str, Any]:
    """Return the Celery settings that depend on the broker."""
    arguments = QUORUM_ARGUMENTS if broker.is_rabbitmq else None
    return {
        "broker_url": broker.address,
        "broker_use_ssl": _tls(broker),
        "broker_transport_options": _transport_options(broker),
        # Every queue is named, so that a worker can serve some of them. Those of events and of remote control are not
        # among them and stay what they are: short-lived and of one process.
        "task_queues": [Queue(name, routing_key=name, queue_arguments=arguments) for name in QUEUE_NAMES],
    }


def _transport_options(broker: BrokerSettings) -> dict[str, Any]:
    if broker.is_rabbitmq:
        return dict(RABBITMQ_OPTIONS)
    if broker.is_sentinel:
        return REDIS_OPTIONS | {"master_name": broker.master, "sentinel_kwargs": sentinel_options(broker)}
    return dict(REDIS_OPTIONS)


def sentinel_options(broker: BrokerSettings) -> dict[str, Any]:
    """Return how the sentinels themselves are spoken to."""
    # One that does not answer is passed over, so this is shorter than for the master.
    options: dict[str, Any] = {"socket_timeout": CONNECT_SECONDS, "socket_connect_timeout": CONNECT_SECONDS}
    if broker.sentinel_password:
        options["password"] = broker.sentinel_password.get_secret_value()
    if broker.is_encrypted:
        options |= {"ssl": True, **redis_tls(broker)}
    return options


def _tls(broker: BrokerSettings) -> dict[str, Any] | None:
    if not broker.is_encrypted:
        return None
    return _amqp_tls(broker) if broker.is_rabbitmq else redis_tls(broker)


def redis_tls(broker: BrokerSettings) -> dict[str, Any]:
    """Return how a client of Redis checks the server and shows itself."""
    # Certificate and name are checked; left to itself kombu would check neither.
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True} | _present(
        ssl_ca_certs=broker.ca_file, ssl_certfile=broker.cert_file, ssl_keyfile=broker.key_file
    )


def _amqp_tls(broker: BrokerSettings) -> dict[str, Any]:
    # None stands for the name in the address; without the key, the name would not be checked.
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None} | _present(
        ca_certs=broker.ca_file, certfile=broker.cert_file, keyfile=broker.key_file
    )


def _present(**files: Any) -> dict[str, str]:
    return {name: str(path) for name, path in files.items() if path is not None}
