"""Ticks of the tokens of machines."""

from celery import shared_task

from strongroom.servicetokens.ending import warn_of_ends
from tasks.process import current


@shared_task(name="tokens.warn", ignore_result=True)
def warn() -> None:
    """Keep an alert open for service tokens that end within 14 days."""
    services = current().services
    warn_of_ends(services.catalog, services.clock.now())
