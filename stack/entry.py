"""The service token of the stack itself: it asks the API whether all works, and the demo and its user take it too."""

from contextlib import suppress

from stack.installation import Installation, write_private
from strongroom.access.errors import CredentialRefusedError
from strongroom.catalog.service_tokens import TokenKind
from strongroom.clock import Clock, system_random
from strongroom.runtime import open_catalog, open_keks
from strongroom.servicetokens.checking import TokenCheck
from strongroom.servicetokens.errors import TokenNotFoundError
from strongroom.servicetokens.tokens import ServiceTokens, TokenRequest
from strongroom.settings import Settings

NAME = "make-up"
GRANTS = ("read", "run", "change")


def take_token(installation: Installation, settings: Settings, clock: Clock) -> str:
    """Return the token in the installation's file; a new one where that is not there or has ended."""
    catalog, _ = open_catalog(settings.catalog_url.get_secret_value(), open_keks(settings), clock)
    try:
        return _kept(installation, TokenCheck(catalog, clock)) or _made(
            installation, ServiceTokens(catalog, clock, system_random)
        )
    finally:
        catalog.close()


def _kept(installation: Installation, check: TokenCheck) -> str | None:
    try:
        text = installation.token_file.read_text(encoding="ascii").strip()
        check.authenticate(text, None)
    except (FileNotFoundError, CredentialRefusedError):
        return None
    return text


def _made(installation: Installation, tokens: ServiceTokens) -> str:
    # Where the file of a live one is lost, nobody is to find it.
    with suppress(TokenNotFoundError):
        tokens.revoke(NAME, by="stack")
    new = tokens.create(TokenRequest(NAME, TokenKind.SCRIPT, GRANTS, "stack"))
    write_private(installation.token_file, f"{new.text}\n")
    return new.text
