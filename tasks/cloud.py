"""Tasks about snapshots that AWS keeps."""

from celery import shared_task

from strongroom.cloud.confirming import confirm_all
from strongroom.cloud.expiring import reconcile
from strongroom.cloud.strays import sweep_strays
from strongroom.cloud.watching import watch_databases
from tasks.process import current


@shared_task(name="cloud.reconcile")
def reconcile_snapshots() -> dict[str, int]:
    """Delete the snapshots of backups that came to nothing or are retired."""
    report = reconcile(current().services)
    return {"aborted": report.aborted, "expired": report.expired}


@shared_task(name="cloud.confirm")
def confirm_snapshots() -> dict[str, int]:
    """Look whether AWS holds every snapshot that should be there, and none that should not."""
    services = current().services
    report, strays = confirm_all(services), sweep_strays(services)
    return {"copies": report.copies, "missing": report.missing, "silent": len(report.silent), "strays": strays}


@shared_task(name="cloud.watch")
def watch() -> dict[str, str]:
    """Look at the zones and standbys of the databases that RDS runs."""
    return watch_databases(current().services)
