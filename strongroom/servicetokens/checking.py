"""Finding out whose token was shown."""

import hmac
import ipaddress
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from strongroom.access.errors import CredentialRefusal, CredentialRefusedError
from strongroom.access.principals import Grant, Principal, PrincipalKind
from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.catalog.service_tokens import ServiceToken
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock
from strongroom.errors import StrongroomError
from strongroom.servicetokens.form import is_oversized, is_token
from strongroom.servicetokens.tokens import digest_of

KNOWN_FOR_SECONDS = 1.0
"""How long a process trusts what it read of a token: a revoked one opens nothing after that."""
REPORTED_AGAIN_SECONDS = 60.0
"""How long a process waits before it tells the alert of the same token again; every use is in the audit log."""
_MOST_KNOWN = 1000
TOKEN_REUSE = "token.reuse"  # noqa: S105 -- the cause of an alert, not a token


@dataclass(frozen=True, slots=True)
class _Known:
    """A token as it was read at a moment of the monotonic clock."""

    read_at: float
    row: ServiceToken
    principal: Principal


class TokenCheck:
    """Knows service tokens; safe between threads."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[bytes, _Known] = {}
        self._reported: dict[uuid.UUID, float] = {}
        """When the alert was told of a token that has ended, by the monotonic clock."""

    def find_known(self, text: str, address: str | None) -> Principal | None:
        """Return whom a token belongs to that was read just now and lets in; None means: ask `authenticate`.

        Looks at nothing but memory, so that an event loop may call it.
        """
        known = self._find(digest_of(text))
        if known is None or _has_ended(known.row, self._clock.now()) or not _may_come_from(known.row, address):
            return None
        return known.principal

    def authenticate(self, text: str, address: str | None) -> Principal:
        """Return whom a token belongs to; `address` is where the request comes from. Raises CredentialRefusedError.

        A token that was revoked or has expired opens an alert: somebody still holds it.
        """
        if not is_token(text):
            refusal = CredentialRefusal.OVERSIZED if is_oversized(text) else CredentialRefusal.MALFORMED
            raise CredentialRefusedError(refusal)
        known = self._find(digest_of(text)) or self._read(digest_of(text))
        row, now = known.row, self._clock.now()
        if _has_ended(row, now):
            if self._is_news(row):
                self._report_reuse(row, now)
            refusal = CredentialRefusal.EXPIRED if row.revoked_at is None else CredentialRefusal.REVOKED
            raise CredentialRefusedError(refusal, str(row.id))
        if not _may_come_from(row, address):
            raise CredentialRefusedError(CredentialRefusal.OTHER_NETWORK, str(row.id))
        return known.principal

    def _find(self, digest: bytes) -> _Known | None:
        known = self._known.get(digest)
        return known if known and self._clock.monotonic() - known.read_at < KNOWN_FOR_SECONDS else None

    def _read(self, digest: bytes) -> _Known:
        # Before the question, not after the answer: what is revoked while it is read counts from then on.
        read_at = self._clock.monotonic()
        with self._catalog.read() as session:
            row = session.scalar(select(ServiceToken).where(ServiceToken.digest == digest))
        if row is None or not hmac.compare_digest(row.digest, digest):
            raise CredentialRefusedError(CredentialRefusal.UNKNOWN)
        self._note_use(row)
        with self._lock:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[digest] = _Known(read_at, row, _principal_of(row))
        return known

    def _note_use(self, row: ServiceToken) -> None:
        """Write down the day of the last use, once a day."""
        today = self._clock.now().date()
        if row.last_used_on != today:
            with self._catalog.alone() as connection:
                connection.execute(update(ServiceToken).where(ServiceToken.id == row.id).values(last_used_on=today))

    def _is_news(self, row: ServiceToken) -> bool:
        now = self._clock.monotonic()
        with self._lock:
            last = self._reported.get(row.id)
            if last is not None and now - last < REPORTED_AGAIN_SECONDS:
                return False
            if len(self._reported) >= _MOST_KNOWN:
                self._reported.clear()
            self._reported[row.id] = now
            return True

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
        try:
            with self._catalog.aside() as session:
                open_alert(session, report)
        except StrongroomError:
            # The next use is news again.
            self._reported.pop(row.id, None)
            raise


def _has_ended(row: ServiceToken, now: datetime) -> bool:
    return row.revoked_at is not None or row.expires_at <= now


def _principal_of(row: ServiceToken) -> Principal:
    return Principal(
        id=str(row.id),
        name=row.name,
        kind=PrincipalKind.SERVICE,
        scopes=frozenset(map(Grant.parse, row.grants)),
    )


def _may_come_from(row: ServiceToken, address: str | None) -> bool:
    if not row.networks:
        return True
    try:
        source = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(source in ipaddress.ip_network(network) for network in row.networks)
