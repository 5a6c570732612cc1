"""Making, listing, rotating and revoking service tokens."""

import hashlib
import ipaddress
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from strongroom.access.principals import Grant
from strongroom.audit.events import AuditAction, AuditEvent, digest
from strongroom.audit.recording import record
from strongroom.catalog.service_tokens import ServiceToken, TokenKind
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes
from strongroom.ids import id_at
from strongroom.servicetokens.errors import (
    TokenChoiceError,
    TokenExistsError,
    TokenNotFoundError,
    TokenRequestError,
)
from strongroom.servicetokens.form import make_token

DEFAULT_DAYS = 90
LONGEST_DAYS = 366
LIVE_AT_ONCE = 2
"""Two, so that a token can be rotated without a moment in which neither works."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Ending(StrEnum):
    """Which live tokens of a name end."""

    OLD = "old"
    """All but the newest: those that a rotation has replaced."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A wish for a token; `days` is how long it works."""

    name: str
    kind: TokenKind
    grants: Sequence[str]
    by: str
    networks: Sequence[str] = ()
    days: int = DEFAULT_DAYS


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made: the only time that its text is there."""

    row: ServiceToken
    text: str

    def __repr__(self) -> str:
        return f"NewToken({self.row.name})"


class ServiceTokens:
    """The service tokens of an installation."""

    def __init__(self, catalog: Catalog, clock: Clock, random: RandomBytes) -> None:
        self._catalog = catalog
        self._clock = clock
        self._random = random

    def create(self, request: TokenRequest) -> NewToken:
        """Make the first token of a name; raises TokenRequestError, GrantInvalidError and TokenExistsError."""
        _verify_request(request)
        with self._catalog.begin() as session:
            live, newest = self._standing(session, request.name)
            if live:
                raise TokenExistsError(
                    f"There is a live service token called {request.name}.",
                    next_step=f"Rotate it with `strongroom tokens rotate {request.name}`, or take another name.",
                )
            return self._insert(session, request, newest + 1)

    def rotate(self, name: str, *, by: str, days: int = DEFAULT_DAYS) -> NewToken:
        """Make a second token beside the live one of a name, with the same grants; raises TokenNotFoundError.

        The old one goes on until it is revoked or ends. Raises TokenExistsError where there are two already, or
        somebody makes one in this moment.
        """
        with self._catalog.begin() as session:
            live, newest = self._standing(session, name)
            if not live:
                raise _none_live(name)
            if len(live) >= LIVE_AT_ONCE:
                raise TokenExistsError(
                    f"Two service tokens called {name} are live.",
                    next_step=f"Revoke the old one first: strongroom tokens revoke {name} --old",
                )
            last = live[-1]
            request = TokenRequest(name, last.kind, last.grants, by, last.networks, days)
            _verify_request(request)
            return self._insert(session, request, newest + 1)

    def revoke(self, name_or_id: str, *, by: str, which: Ending | None = None) -> Sequence[ServiceToken]:
        """End one token by its id, or those of a name, and return them.

        Raises TokenNotFoundError where none is live, or none but the newest is and only old ones are meant, and
        TokenChoiceError where two are live and nothing says which.
        """
        now = self._clock.now()
        with self._catalog.begin() as session:
            every = list_live(session, now)
            live = [row for row in every if name_or_id in (row.name, str(row.id))]
            if not live:
                raise _none_live(name_or_id)
            newest = {row.name: row.id for row in every}
            ends = _chosen(live, which, newest[live[-1].name])
            for row in ends:
                row.revoked_at, row.revoked_by = now, by[:120]
            ids = ", ".join(str(row.id) for row in ends)
            record(session, AuditEvent(AuditAction.TOKEN_REVOKED, live[0].name, reason=ids))
        return ends

    def list(self, *, ended: bool = False) -> Sequence[ServiceToken]:
        """Return live tokens by name, with `ended` also the others."""
        with self._catalog.read() as session:
            if ended:
                return session.scalars(select(ServiceToken).order_by(ServiceToken.name, ServiceToken.generation)).all()
            return list_live(session, self._clock.now())

    def _standing(self, session: Session, name: str) -> tuple[Sequence[ServiceToken], int]:
        """Return the live tokens of a name and the number of its newest.

        One statement reads both: whoever decides by tokens that are no longer all takes a number that is taken.
        """
        query = select(ServiceToken).where(ServiceToken.name == name).order_by(ServiceToken.generation)
        rows, now = session.scalars(query).all(), self._clock.now()
        live = [row for row in rows if row.revoked_at is None and row.expires_at > now]
        return live, rows[-1].generation if rows else 0

    def _insert(self, session: Session, request: TokenRequest, generation: int) -> NewToken:
        now, text = self._clock.now(), make_token(request.kind, self._random)
        row = ServiceToken(
            id=id_at(now, self._random),
            name=request.name,
            generation=generation,
            kind=request.kind,
            digest=digest_of(text),
            grants=[str(Grant.parse(grant)) for grant in request.grants],
            networks=[str(ipaddress.ip_network(network)) for network in request.networks],
            created_at=now,
            created_by=request.by[:120],
            expires_at=now + timedelta(days=request.days),
        )
        session.add(row)
        try:
            session.flush()
        except IntegrityError:
            raise TokenExistsError(
                f"Somebody else just made a service token called {request.name}.",
                next_step="Look: strongroom tokens list",
            ) from None
        what = {"grants": row.grants, "networks": row.networks, "expires_at": row.expires_at.isoformat()}
        reason = f"{row.id} {row.kind}: {', '.join(row.grants)}"
        record(session, AuditEvent(AuditAction.TOKEN_CREATED, row.name, reason=reason, after=digest(what)))
        return NewToken(row, text)


def digest_of(text: str) -> bytes:
    """Return what the catalog keeps of a token: SHA-256, 32 bytes."""
    return hashlib.sha256(text.encode()).digest()


def list_live(session: Session, now: datetime) -> Sequence[ServiceToken]:
    """Return the tokens that work, by name, the newest of each last."""
    query = select(ServiceToken).where(ServiceToken.revoked_at.is_(None), ServiceToken.expires_at > now)
    return session.scalars(query.order_by(ServiceToken.name, ServiceToken.generation)).all()


def _chosen(live: Sequence[ServiceToken], which: Ending | None, newest: uuid.UUID) -> Sequence[ServiceToken]:
    """Return which of the live tokens of a name end, or whether the one with an id does."""
    name = live[-1].name
    if which is None and len(live) > 1:
        raise TokenChoiceError(
            f"Two service tokens called {name} are live: the newest, and the one before.",
            next_step=f"Say which end: strongroom tokens revoke {name} --old, or --all (over HTTP: `which`).",
        )
    ends = [row for row in live if row.id != newest] if which is Ending.OLD else live
    if not ends:
        raise TokenNotFoundError(
            f"No live service token called {name} is older than the newest, which goes on.",
            next_step=f"To end that one: strongroom tokens revoke {name}",
        )
    return ends


def _none_live(name: str) -> TokenNotFoundError:
    return TokenNotFoundError(
        f"No live service token is called {name[:64]!r}, or has that id.", next_step="Look: strongroom tokens list"
    )


def _verify_request(request: TokenRequest) -> None:
    if not _NAME.fullmatch(request.name):
        raise TokenRequestError(
            "The name of a service token has up to 63 small letters, digits, dots, hyphens and underscores.",
            next_step="Give it another name.",
        )
    if not 1 <= request.days <= LONGEST_DAYS:
        raise TokenRequestError(
            f"A service token works for 1 to {LONGEST_DAYS} days.", next_step="Choose one of these."
        )
    if not request.grants:
        raise TokenRequestError("A service token without a grant opens nothing.", next_step="Grant it something.")
    for grant in request.grants:
        Grant.parse(grant)
    for network in request.networks:
        _verify_network(network)


def _verify_network(network: str) -> None:
    try:
        ipaddress.ip_network(network)
    except ValueError:
        raise TokenRequestError(
            f"{network[:64]!r} is not a network.", next_step="Write it like 10.0.0.0/8 or 2001:db8::/32."
        ) from None
