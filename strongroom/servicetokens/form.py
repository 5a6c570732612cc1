"""What a service token looks like, so that scanners of leaks know one without asking.

`strongroom_<kind>_<secret>_<check>`: the secret is 32 random bytes as 43 digits of base 62 (0-9A-Za-z, the most
significant first), the check is the CRC-32 of everything before its underscore as 6 such digits.
"""

import string
import zlib

from strongroom.catalog.service_tokens import TokenKind
from strongroom.clock import RandomBytes

PREFIX = "strongroom_"
SECRET_BYTES = 32
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_DIGITS = 43
_CHECK_DIGITS = 6
_LONGEST = 100


def make_token(kind: TokenKind, random: RandomBytes) -> str:
    """Return a new token."""
    body = f"{PREFIX}{kind}_{_base62(int.from_bytes(random(SECRET_BYTES), 'big'), _SECRET_DIGITS)}"
    return f"{body}_{_check(body)}"


def is_oversized(text: str) -> bool:
    """Say whether a text is longer than any token."""
    return len(text) > _LONGEST


def is_token(text: str) -> bool:
    """Say whether a text is written as a token is; that says nothing about whether it is one of ours."""
    body, _, check = text.rpartition("_")
    prefix, kind, secret = (*body.split("_"), "", "", "")[:3]
    return (
        not is_oversized(text)
        and text.isascii()
        and f"{prefix}_" == PREFIX
        and kind in list(TokenKind)
        and body == f"{PREFIX}{kind}_{secret}"
        and len(secret) == _SECRET_DIGITS
        and set(secret) <= set(_DIGITS)
        and check == _check(body)
    )


def _check(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), _CHECK_DIGITS)


def _base62(number: int, digits: int) -> str:
    found = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        found = _DIGITS[digit] + found
    return found.rjust(digits, "0")
