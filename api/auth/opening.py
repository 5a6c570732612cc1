"""Operators of this process, with a limiter in Redis."""

import logging

from api.auth.addresses import open_limiter
from strongroom.accounts.opening import Operators, open_operators
from strongroom.accounts.witnessing import Refuse
from strongroom.services import Services

log = logging.getLogger(__name__)


def open_logins(services: Services, refuse: Refuse) -> Operators:
    """Put logins together; connects to nothing. Warns where a password is enough for everybody.

    `refuse` takes refusals that nothing is written with.
    """
    if not services.settings.accounts.mfa_enabled:
        log.warning(
            "SECOND FACTORS ARE OFF: whoever learns a password is let in. Set MFA_ENABLED=true and restart the API."
        )
    return open_operators(services, open_limiter(services.settings), refuse=refuse)
