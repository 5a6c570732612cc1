"""The one gate: every route but the two of health is behind it."""

import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import TokenRefusedError

bearer = HTTPBearer(auto_error=False, description="The service token, STRONGROOM_API_TOKEN.")


def require_token(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> None:
    """Let the request pass if it carries the service token; raises TokenRefusedError."""
    expected: str = request.app.state.token.get_secret_value()
    shown = "" if credentials is None else credentials.credentials
    if not hmac.compare_digest(shown.encode(), expected.encode()):
        raise TokenRefusedError(
            "The request carries no valid service token.",
            next_step="Send the header `Authorization: Bearer TOKEN` with the value of STRONGROOM_API_TOKEN.",
        )
