"""What the HTTP edge itself refuses."""

from strongroom.errors import NotAllowedError


class TokenRefusedError(NotAllowedError):
    """The request carries no service token, or a wrong one."""

    code = "api.token_refused"
