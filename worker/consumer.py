"""The part of a worker that takes messages: Celery's own, without what Strongroom does not use."""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer

from worker.carrying import under_ids_of

log = logging.getLogger(__name__)

DELAYED_DELIVERY = "celery.worker.consumer.delayed_delivery:DelayedDelivery"
TOLD_OF_BROKER = ("transport", "hostname", "port", "virtual_host", "connect_timeout", "heartbeat")
OF_CELERY = "celery."
NO_LIMITS = (None, None)
"""What Celery takes for a message that names no hard and no soft limit."""


def nothing() -> None:
    """Do nothing."""


class JobConsumer(Consumer):
    """Declares no exchanges and queues for delays on RabbitMQ, some sixty: the ledger says when a job is due."""

    class Blueprint(Consumer.Blueprint):
        """The steps of a consumer."""

        default_steps = tuple(step for step in Consumer.Blueprint.default_steps if step != DELAYED_DELIVERY)

        def info(self, parent: Any) -> dict[str, Any]:
            """Say of the broker where it is: Celery tells everybody who asks also the passwords of sentinels."""
            told: dict[str, Any] = super().info(parent)
            broker = told.get("broker")
            if isinstance(broker, dict):
                told["broker"] = {name: broker[name] for name in TOLD_OF_BROKER if name in broker}
            return told

    sign_of_life: Callable[[], None] = staticmethod(nothing)
    """Called every second while the broker is away; the loop, where steps have their timers, stands still then."""

    def create_task_handler(self, *arguments: Any, **options: Any) -> Any:
        """Have the line which says that a message came belong to the story of what it asks for.

        A message that nobody can read is dropped: Celery would end, put it back, and end again after each start.
        Of how long it may take the task decides alone, not who sent the message.
        """
        take = super().create_task_handler(*arguments, **options)

        def take_under_its_ids(message: Any) -> Any:
            headers = message.headers if isinstance(message.headers, dict) else {}
            if "timelimit" in headers:
                headers["timelimit"] = NO_LIMITS
            with under_ids_of(headers):
                try:
                    return take(message)
                except (*self.connection_errors, *self.channel_errors):
                    raise
                except Exception as error:  # noqa: BLE001 -- a message may hold anything
                    self._drop(message, error)

        return take_under_its_ids

    def update_strategies(self) -> None:
        """Know Strongroom's tasks only: of Celery's own, nobody here sends one, and some never end."""
        super().update_strategies()
        for name in [name for name in self.strategies if name.startswith(OF_CELERY)]:
            del self.strategies[name]

    def _drop(self, message: Any, error: Exception) -> None:
        log.error("message dropped: it cannot be read: %s", type(error).__name__)
        if not message.acknowledged:
            message.reject_log_error(log, self.connection_errors)

    def ensure_connected(self, conn: Any) -> Any:
        """Wait for the broker, and go on giving signs of life: a worker that waits does not hang."""
        connect = conn.ensure_connection

        def connect_beating(*arguments: Any, callback: Callable[[], None] = nothing, **options: Any) -> Any:
            def wait() -> None:
                self.sign_of_life()
                callback()

            return connect(*arguments, callback=wait, **options)

        conn.ensure_connection = connect_beating
        return super().ensure_connected(conn)
