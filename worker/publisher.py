"""Handing jobs from the ledger to the broker."""

from collections.abc import Iterator
from contextlib import contextmanager

from amqp.exceptions import MessageNacked
from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from strongroom.jobs.errors import BrokerUnavailableError
from strongroom.jobs.outbox import JobMessage
from strongroom.tracing import bind
from worker.carrying import headers_of_now


class Publisher:
    """Sends one message a job: its id, and as headers what it belongs to. Connects on first use."""

    def __init__(self, app: Celery) -> None:
        self.app = app

    def __call__(self, message: JobMessage) -> None:
        """Hand the message over within seconds; raises BrokerUnavailableError."""
        # Whose request happens to hand a job over has nothing to do with it.
        ids = bind(trace_id=message.trace_id, request_id=message.request_id)
        with ids, sending(f"the message of job {message.job_id}"):
            self.app.send_task(
                message.kind,
                kwargs={"job_id": str(message.job_id)},
                queue=message.queue,
                priority=message.priority,
                headers=headers_of_now(),
                retry=False,
            )

    def verify(self) -> None:
        """Return if the broker answers; raises BrokerUnavailableError."""
        with sending("a greeting"), self.app.connection_for_write(connect_timeout=1) as connection:
            # Opening a channel says a word to the broker, whichever it is.
            connection.channel().close()


@contextmanager
def sending(what: str) -> Iterator[None]:
    """Turn every way in which a broker can fail to take `what` into BrokerUnavailableError."""
    try:
        yield
    except (KombuError, RedisError, MessageNacked, OSError) as error:
        raise BrokerUnavailableError(
            f"The message broker did not take {what}: {type(error).__name__}.",
            next_step="Nothing is lost: the job waits in the ledger. See that the broker runs.",
        ) from error
