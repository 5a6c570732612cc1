"""Signed tokens (JWT, RFC 7519): four kinds, each with an audience and a key of its own, one algorithm."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import jwt

from strongroom.access.errors import CredentialRefusal
from strongroom.accounts.errors import TokenExpiredOrWrongError
from strongroom.clock import Clock
from strongroom.purposekeys.keys import Purpose, PurposeKeys

ALGORITHM = "HS256"
ISSUER = "strongroom"
LONGEST = 2048


@dataclass(frozen=True, slots=True)
class Form:
    """What tokens of a kind are signed with, and for whom they are."""

    audience: str
    purpose: Purpose


class TokenKind(Enum):
    """What a token opens; one of a kind is never taken for another."""

    ACCESS = Form("strongroom:api", Purpose.ACCESS_TOKENS)
    REFRESH = Form("strongroom:refresh", Purpose.REFRESH_TOKENS)
    MFA = Form("strongroom:mfa", Purpose.MFA_TOKENS)
    ENROLL = Form("strongroom:mfa:enroll", Purpose.ENROLL_TOKENS)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token that is right says: account, what it belongs to, and how many there were before it."""

    account_id: uuid.UUID
    ticket: uuid.UUID
    """Session, or login, or the token itself."""
    generation: int = 0


class Tokens:
    """Makes tokens and reads them; a clock decides what is expired."""

    def __init__(self, keys: PurposeKeys, clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    def make(self, kind: TokenKind, claims: Claims, until: datetime) -> str:
        """Return a token that is right until a moment, to the second."""
        now = self._clock.now()
        payload = {
            "iss": ISSUER,
            "aud": kind.value.audience,
            "sub": str(claims.account_id),
            "sid": str(claims.ticket),
            "gen": claims.generation,
            "iat": int(now.timestamp()),
            "exp": int(until.timestamp()),
        }
        return jwt.encode(payload, self._key(kind), ALGORITHM, headers={"typ": _type_of(kind)})

    def read(self, kind: TokenKind, token: str) -> Claims:
        """Return what a token says; raises TokenExpiredOrWrongError for every token that is not right, alike."""
        try:
            said = self._decoded(kind, token)
            claims = self._claims(said)
        except jwt.InvalidSignatureError:
            raise refused(CredentialRefusal.FORGED) from None
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            raise refused(CredentialRefusal.MALFORMED) from None
        if said["exp"] <= self._clock.now().timestamp():
            raise refused(CredentialRefusal.EXPIRED, claims.account_id)
        return claims

    def _decoded(self, kind: TokenKind, token: str) -> Mapping[str, Any]:
        # What is no token of this kind by its own words is refused before a key is asked for.
        if len(token) > LONGEST:
            raise refused(CredentialRefusal.OVERSIZED)
        if (said := jwt.get_unverified_header(token).get("typ")) != _type_of(kind):
            raise refused(CredentialRefusal.OTHER_KIND if said in _TYPES else CredentialRefusal.MALFORMED)
        required = ["iss", "aud", "sub", "sid", "gen", "iat", "exp"]
        # The library asks the machine's clock, and ours may be another: what is expired is looked at by `read`.
        options: Any = {"require": required, "verify_exp": False, "verify_iat": False}
        return jwt.decode(token, self._key(kind), [ALGORITHM], options, audience=kind.value.audience, issuer=ISSUER)

    @staticmethod
    def _claims(said: Mapping[str, Any]) -> Claims:
        return Claims(uuid.UUID(said["sub"]), uuid.UUID(said["sid"]), int(said["gen"]))

    def _key(self, kind: TokenKind) -> bytes:
        return self._keys.get(kind.value.purpose).reveal()


def _type_of(kind: TokenKind) -> str:
    return f"{kind.name.lower()}+jwt"


_TYPES = {_type_of(kind) for kind in TokenKind}


def seconds_until(moment: datetime, now: datetime) -> int:
    """Return whole seconds, for `expires_in`."""
    return max(0, (moment - now) // timedelta(seconds=1))


def refused(refusal: CredentialRefusal, account_id: uuid.UUID | None = None) -> TokenExpiredOrWrongError:
    """Make the error that says nothing of what is wrong with a token to whoever showed it."""
    return TokenExpiredOrWrongError(refusal, "" if account_id is None else str(account_id))
