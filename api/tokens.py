"""Routes about service tokens; a token's text is in one answer, that of its making, and nowhere else."""

import uuid
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api.bodies import Body, Name
from api.desk import AtDesk, Desk
from api.documents import Document
from api.gate import Caller
from strongroom.catalog.service_tokens import TokenKind
from strongroom.servicetokens.tokens import (
    DEFAULT_DAYS,
    LONGEST_DAYS,
    Ending,
    NewToken,
    ServiceTokens,
    TokenRequest,
)

router = APIRouter(prefix="/tokens", tags=["tokens"])

Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS)]


class TokenBody(Body):
    """A token somebody wants for a machine."""

    name: Name
    kind: TokenKind
    grants: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=100)]
    networks: list[Annotated[str, Field(max_length=60)]] = Field(default=[], max_length=100)
    days: Days = DEFAULT_DAYS


class RotationBody(Body):
    """How long the new token of a rotation works."""

    days: Days = DEFAULT_DAYS


class RevocationBody(Body):
    """Which live tokens of a name end; needed where there are two."""

    which: Ending | None = None


class TokenDocument(Document):
    """A service token, without its text."""

    id: uuid.UUID
    name: str
    generation: int
    kind: TokenKind
    grants: list[str]
    networks: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_on: date | None


class NewTokenDocument(TokenDocument):
    """A service token that was just made, with its text: it is not shown again."""

    token: str


@router.get("")
def show_tokens(desk: AtDesk, ended: bool = False) -> list[TokenDocument]:  # noqa: FBT001, FBT002 - a query parameter
    """List live tokens; with `ended` also those that were revoked or have expired."""
    return [TokenDocument.model_validate(row) for row in _tokens(desk).list(ended=ended)]


@router.post("", status_code=201)
def create_token(desk: AtDesk, caller: Caller, body: TokenBody) -> NewTokenDocument:
    """Make a token for a machine."""
    request = TokenRequest(body.name, body.kind, body.grants, caller.signature, body.networks, body.days)
    return _shown(_tokens(desk).create(request))


@router.post("/{name}/rotate", status_code=201)
def rotate_token(desk: AtDesk, caller: Caller, name: str, body: RotationBody) -> NewTokenDocument:
    """Make a second token of a name; the first goes on until it is revoked or ends."""
    return _shown(_tokens(desk).rotate(name, by=caller.signature, days=body.days))


@router.post("/{name}/revoke")
def revoke_token(desk: AtDesk, caller: Caller, name: str, body: RevocationBody | None = None) -> list[TokenDocument]:
    """End one token by its id, or those of a name: `old` what a rotation has replaced, `all` every live one."""
    which = None if body is None else body.which
    ended = _tokens(desk).revoke(name, by=caller.signature, which=which)
    return [TokenDocument.model_validate(row) for row in ended]


def _tokens(desk: Desk) -> ServiceTokens:
    return ServiceTokens(desk.services.catalog, desk.services.clock, desk.services.random)


def _shown(new: NewToken) -> NewTokenDocument:
    return NewTokenDocument(**TokenDocument.model_validate(new.row).model_dump(), token=new.text)
