"""Ticks of operators' logins."""

from celery import shared_task

from strongroom.accounts.forgetting import forget_old
from tasks.process import current


@shared_task(name="accounts.forget", ignore_result=True)
def forget() -> None:
    """Delete what need not be remembered of logins."""
    services = current().services
    forget_old(services.catalog, services.clock.now())
