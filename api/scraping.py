"""The token that opens the metrics and nothing else. It works without the catalog, which a service token needs."""

import hmac
import logging
from collections.abc import Mapping

from strongroom.access.principals import Grant, Principal, PrincipalKind, Scope
from strongroom.settings.named_secrets import NamedSecret, NamedSecretError

log = logging.getLogger(__name__)

AREA = "metrics"
SCRAPER = Principal(
    "scraper", "scrape token", PrincipalKind.SERVICE, scopes=frozenset({Grant(Scope.READ, AREA)})
)  # fmt: skip


class ScrapeToken:
    """Knows the token of `[metrics]`; reads it each time, so that a new one needs no restart."""

    def __init__(self, secret: NamedSecret, env: Mapping[str, str]) -> None:
        self._secret = secret
        self._env = env

    def find(self, shown: str) -> Principal | None:
        """Return who scrapes, where this is the token."""
        if not self._secret.given:
            return None
        try:
            token = self._secret.read(self._env).get_secret_value()
        except NamedSecretError as error:
            log.warning("the token for metrics cannot be read: %s", error.what)
            return None
        return SCRAPER if hmac.compare_digest(token.encode(), shown.encode()) else None
