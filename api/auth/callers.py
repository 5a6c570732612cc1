"""What the routes of logins and second factors are given besides who calls."""

from typing import Annotated

from fastapi import Depends, Request, Response

from strongroom.accounts.opening import Operators


async def get_operators(request: Request) -> Operators:
    """Return everything about operators of this process."""
    operators: Operators = request.app.state.operators
    return operators


AtOperators = Annotated[Operators, Depends(get_operators)]


async def keep_nowhere(response: Response) -> None:
    """Have no cache keep an answer."""
    response.headers["Cache-Control"] = "no-store"


async def address_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return "unknown" if request.client is None else request.client.host


Address = Annotated[str, Depends(address_of)]
