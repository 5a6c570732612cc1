"""The reminder that a column key has been in use for as long as it should be."""

import logging

from strongroom.columnkeys.errors import KeyRingNotFoundError
from strongroom.rotation.usage import is_due, list_worn
from strongroom.services import Services

log = logging.getLogger(__name__)


def remind_of_period(services: Services) -> str | None:
    """Warn in the log when the active version has served its period or its number of values; return its name then.

    An installation without column keys has nothing to be reminded of. Raises as loading the ring does.
    """
    days = services.settings.column_keys.period_days
    try:
        ring = services.open_ring()
    except KeyRingNotFoundError:
        return None
    with services.catalog.read() as session:
        worn = list_worn(session, ring)
    for place in worn:
        log.warning(
            "column key %s has encrypted very many rows of %s: run `strongroom secrets rotate`", ring.active, place
        )
    due = is_due(ring, services.clock.now(), days)
    if due:
        log.warning("column key %s has been active for %d days: run `strongroom secrets rotate`", ring.active, days)
    return ring.active if due or worn else None
