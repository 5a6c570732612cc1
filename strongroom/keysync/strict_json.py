"""JSON in the one reading that all programs share: no member twice, no NaN, nothing deeply nested."""

import json
from typing import Any, NoReturn

from strongroom.keysync.refusals import MessageRefusedError, Reason


def parse_object(text: bytes | str, reason: Reason = Reason.MALFORMED) -> dict[str, Any]:
    """Read one JSON object; raises MessageRefusedError with the given reason."""
    try:
        read = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise MessageRefusedError(reason) from None
    if not isinstance(read, dict):
        raise MessageRefusedError(reason)
    return read


def write_object(members: dict[str, Any]) -> bytes:
    """Write an object without blanks, in ASCII."""
    return json.dumps(members, separators=(",", ":"), allow_nan=False).encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands there twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
