"""Probes that go to the broker at once, for `strongroom doctor --worker`."""

from collections.abc import Sequence
from functools import partial

from celery import Celery

from strongroom.jobs.kinds import Queue
from strongroom.jobs.outbox import publish_these
from strongroom.jobs.probing import ProbeReport, probe_queues
from strongroom.services import Services
from strongroom.settings import BrokerSettings
from strongroom.tracing import get_trace_id
from worker.broker import broker_configuration
from worker.publisher import Publisher


def probe_workers(services: Services, queues: Sequence[Queue], seconds: float) -> list[ProbeReport]:
    """Probe queues without waiting for the next tick of Beat to hand the probes over."""
    hand_over = partial(publish_these, services.ledger, Publisher(_open_app(services.settings.broker)))
    trace_id = get_trace_id() or services.random(16).hex()
    return probe_queues(services.ledger, queues, seconds=seconds, trace_id=trace_id, hand_over=hand_over)


def _open_app(broker: BrokerSettings) -> Celery:
    # Not worker.app, which reads the settings that the environment names: a command may be given others.
    app = Celery("doctor", set_as_current=False)
    app.config_from_object("worker.configuration")
    app.conf.update(broker_configuration(broker))
    return app
