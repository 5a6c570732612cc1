"""Ticks of the key provider. No key travels with a task: each looks in the catalog what there is to do."""

from celery import shared_task

from strongroom.keysync.beating import beat_all, exchange_all
from strongroom.keysync.liveness import SECOND_LOOK, is_any_coming_back
from strongroom.keysync.opening import make_sender
from strongroom.keysync.provider import Provider, open_provider
from strongroom.keysync.refilling import refill_all
from strongroom.keysync.voiding import expire
from tasks.process import Process, current

# A process that hangs is ended, and begun again for the next tick; what it was sending is sent again.
HEARTBEAT_SECONDS, EXCHANGE_SECONDS, REFILL_SECONDS, EXPIRY_SECONDS = 60, 60, 240, 300

_opened: tuple[Process, Provider] | None = None


@shared_task(name="keysync.heartbeat", ignore_result=True, time_limit=HEARTBEAT_SECONDS)
def heartbeat() -> list[str]:
    """Send every peer a sign of life, and have keys sent to those that answer and whose pool is low."""
    provider = _provider()
    low = beat_all(provider)
    with provider.catalog.read() as session:
        if is_any_coming_back(session):
            heartbeat.apply_async(countdown=SECOND_LOOK.total_seconds(), expires=10)
    if low:
        refill.apply_async(expires=30)
    return low


@shared_task(name="keysync.refill", ignore_result=True, time_limit=REFILL_SECONDS)
def refill() -> list[str]:
    """Fill pools that are low, and send again what was not confirmed; return the peers that confirmed keys."""
    return refill_all(_provider())


@shared_task(name="keysync.capabilities", ignore_result=True, time_limit=EXCHANGE_SECONDS)
def capabilities() -> list[str]:
    """Tell every peer what this provider can do, and learn the same; return those that answered."""
    return exchange_all(_provider())


@shared_task(name="keysync.expire", ignore_result=True, time_limit=EXPIRY_SECONDS)
def end_expired() -> int:
    """End keys whose time is over; return how many."""
    return expire(_provider()).expired


def _provider() -> Provider:
    """Return the key provider of this process, opened after the fork and once."""
    global _opened
    process = current()
    if _opened is None or _opened[0] is not process:
        services = process.services
        link = make_sender(services.settings.require_skip(), services.clock, services.random)
        _opened = (process, open_provider(services, link))
    return _opened[1]
