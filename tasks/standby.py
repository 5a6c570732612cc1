"""Tasks about standbys of PostgreSQL."""

from celery import shared_task

from strongroom.standby.watching import watch_standbys
from tasks.process import current


@shared_task(name="standby.watch")
def watch() -> dict[str, str]:
    """Look at every primary and its standby, and return how each pair is."""
    return {check.pair.name: check.verdict.value for check in watch_standbys(current().services)}
