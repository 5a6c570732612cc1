"""Ticks of the keys of encrypted columns, and of the installation's own."""

from celery import shared_task

from strongroom.rotation.reminding import remind_of_period
from tasks.process import current


@shared_task(name="keys.remind")
def remind() -> str | None:
    """Say in the log that the active key of encrypted columns has served its period; return its version then."""
    return remind_of_period(current().services)


@shared_task(name="keys.spread", ignore_result=True)
def spread() -> None:
    """Wrap the installation's own keys under the key of each region that lacks them."""
    current().services.purpose_keys.spread()
