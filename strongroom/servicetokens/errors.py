"""What can be wrong with a wish for a service token."""

from strongroom.errors import ConflictError, InvalidInputError, NotFoundError


class TokenRequestError(InvalidInputError):
    """A service token cannot be made as it was asked for."""

    code = "servicetokens.invalid_request"


class TokenExistsError(ConflictError):
    """There are as many live service tokens of this name as there may be."""

    code = "servicetokens.exists"


class TokenChoiceError(ConflictError):
    """Two live service tokens have this name, and nobody has said which of them ends."""

    code = "servicetokens.choice"


class TokenNotFoundError(NotFoundError):
    """There is no such service token, or it has ended."""

    code = "servicetokens.not_found"
