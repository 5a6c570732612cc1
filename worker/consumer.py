"""The part of a worker that takes messages: Celery's own, without what Strongroom does not use."""

from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer

from worker.carrying import under_ids_of

DELAYED_DELIVERY = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


def nothing() -> None:
    """Do nothing."""


class JobConsumer(Consumer):
    """Declares no exchanges and queues for delays on RabbitMQ, some sixty: the ledger says when a job is due."""

    class Blueprint(Consumer.Blueprint):
        """The steps of a consumer."""

        default_steps = tuple(step for step in Consumer.Blueprint.default_steps if step != DELAYED_DELIVERY)

    sign_of_life: Callable[[], None] = staticmethod(nothing)
    """Called every second while the broker is away; the loop, where steps have their timers, stands still then."""

    def create_task_handler(self, *arguments: Any, **options: Any) -> Any:
        """Have the line which says that a message came belong to the story of what it asks for."""
        take = super().create_task_handler(*arguments, **options)

        def take_under_its_ids(message: Any) -> Any:
            with under_ids_of(message.headers or {}):
                return take(message)

        return take_under_its_ids

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
