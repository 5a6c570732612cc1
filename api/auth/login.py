"""Logging in, going on and logging out."""

from fastapi import APIRouter, Depends, Response

from api.auth.callers import Address, AtOperators, keep_nowhere
from api.auth.documents import (
    Credentials,
    EndedDocument,
    LoginDocument,
    RefreshBody,
    SecondStep,
    TokensDocument,
    login_document,
)
from api.catalog_patience import CATALOG_NEEDED
from api.gate import Caller

public = APIRouter(prefix="/api/v1/auth", tags=["login"], dependencies=[Depends(keep_nowhere), CATALOG_NEEDED])
router = APIRouter(prefix="/api/v1/auth", tags=["login"], dependencies=[Depends(keep_nowhere)])


@public.post("/login")
def login(body: Credentials, operators: AtOperators, address: Address) -> LoginDocument:
    """Show a password. The answer is a session, or says that a code is awaited, or a second factor to be enrolled."""
    return login_document(operators.login.begin(body.username, body.password.get_secret_value(), address))


@public.post("/login/mfa-verify")
def verify_login(body: SecondStep, operators: AtOperators, address: Address) -> TokensDocument:
    """Show the code that is awaited; five tries, five minutes."""
    token, code = body.mfa_token.get_secret_value(), body.code.get_secret_value()
    return TokensDocument.of(operators.login.complete_mfa_login(token, code, address))


@public.post("/refresh")
def refresh(body: RefreshBody, operators: AtOperators) -> TokensDocument:
    """Change a refresh token for new tokens, once; used a second time it ends the session."""
    return TokensDocument.of(operators.sessions.refresh(body.refresh_token.get_secret_value()))


@router.post("/logout", status_code=204)
def logout(operators: AtOperators, caller: Caller) -> Response:
    """End this session at once."""
    operators.sessions.logout(caller)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


@router.post("/logout-others")
def logout_others(operators: AtOperators, caller: Caller) -> EndedDocument:
    """End every other session of this account."""
    return EndedDocument(ended=operators.sessions.end_others(caller))
