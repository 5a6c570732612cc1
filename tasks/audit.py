"""Ticks of the audit log."""

from celery import shared_task

from strongroom.audit.keeping import HeadKeeping
from strongroom.audit.verifying import AuditLog
from tasks.process import current


@shared_task(name="audit.keep", ignore_result=True)
def keep() -> None:
    """Check the audit log once a day and keep its head in every region."""
    services = current().services
    HeadKeeping(AuditLog(services.catalog, services.purpose_keys, services.stores), services.clock).keep()
