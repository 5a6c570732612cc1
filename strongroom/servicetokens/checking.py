"""Finding out whose token was shown."""

import hmac
import ipaddress
import threading
from datetime import datetime

from sqlalchemy import select, update

from strongroom.access.errors import CredentialRefusedError
from strongroom.access.principals import Grant, Principal, PrincipalKind
from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.catalog.service_tokens import ServiceToken
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock
from strongroom.servicetokens.form import is_token
from strongroom.servicetokens.tokens import digest_of

KNOWN_FOR_SECONDS = 1.0
"""How long a process trusts what it read of a token: a revoked one opens nothing after that."""
_MOST_KNOWN = 1000
TOKEN_REUSE = "token.reuse"  # noqa: S105 -- the cause of an alert, not a token


class TokenCheck:
    """Knows service tokens; safe between threads."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[bytes, tuple[float, ServiceToken]] = {}

    def authenticate(self, text: str, address: str | None) -> Principal:
        """Return whom a token belongs to; `address` is where the request comes from. Raises CredentialRefusedError.

        A token that was revoked or has expired opens an alert: somebody still holds it.
        """
        if not is_token(text):
            raise CredentialRefusedError.without_a_reason()
        row = self._known_row(digest_of(text)) or self._read(digest_of(text))
        now = self._clock.now()
        if row.revoked_at is not None or row.expires_at <= now:
            self._report_reuse(row, now)
            raise CredentialRefusedError.without_a_reason()
        if not _may_come_from(row, address):
            raise CredentialRefusedError.without_a_reason()
        return Principal(
            id=str(row.id),
            name=row.name,
            kind=PrincipalKind.SERVICE,
            scopes=frozenset(map(Grant.parse, row.grants)),
        )

    def _known_row(self, digest: bytes) -> ServiceToken | None:
        with self._lock:
            read_at, row = self._known.get(digest, (float("-inf"), None))
        return row if self._clock.monotonic() - read_at < KNOWN_FOR_SECONDS else None

    def _read(self, digest: bytes) -> ServiceToken:
        with self._catalog.read() as session:
            row = session.scalar(select(ServiceToken).where(ServiceToken.digest == digest))
        if row is None or not hmac.compare_digest(row.digest, digest):
            raise CredentialRefusedError.without_a_reason()
        self._note_use(row)
        with self._lock:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[digest] = (self._clock.monotonic(), row)
        return row

    def _note_use(self, row: ServiceToken) -> None:
        """Write down the day of the last use, once a day."""
        today = self._clock.now().date()
        if row.last_used_on != today:
            with self._catalog.alone() as connection:
                connection.execute(update(ServiceToken).where(ServiceToken.id == row.id).values(last_used_on=today))

    def _report_reuse(self, row: ServiceToken, now: datetime) -> None:
        ended = "revoked" if row.revoked_at is not None else "expired"
        report = AlertReport(
            type=AlertType.INTEGRITY,
            severity=Severity.HIGH,
            cause=f"{TOKEN_REUSE}.{row.name}",
            message=f"A service token that has ended was used: {row.name} (generation {row.generation}, {ended})",
            next_step="Find out who still holds it: a forgotten program, or somebody who found it.",
            at=now,
        )
        with self._catalog.begin() as session:
            open_alert(session, report)


def _may_come_from(row: ServiceToken, address: str | None) -> bool:
    if not row.networks:
        return True
    try:
        source = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(source in ipaddress.ip_network(network) for network in row.networks)
