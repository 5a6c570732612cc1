"""The outside of a token: `<version>:` and a body in one of three forms."""

import binascii
import re
from enum import Enum

from strongroom.columns.errors import NotATokenError, TokenFormatError

GCM_MARK = "g1."
GCM_AFTER_NAME = f":{GCM_MARK}"
NONCE_BYTES = 12
FERNET_START = "gAAAA"
"""Base64 of 0x80 and the first zero bytes of a time before the year 2106."""
DOUBLE_START = "Z0FBQU"
"""Base64 of base64 of the same."""

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")
PADDING = (b"", b"===", b"==", b"=")
"""What base64 lacks at its end, by the remainder of its length."""
FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")
"""From the URL-safe alphabet to the usual one, whose own two last characters become what no alphabet has."""
TO_URL = bytes.maketrans(b"+/", b"-_")


class Token(str):
    """A token that does not show in the parameters that SQLAlchemy logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'(token)'"


class Form(Enum):
    """How the body of a token is written."""

    GCM = GCM_MARK
    FERNET = FERNET_START
    DOUBLE = DOUBLE_START


def form_of(body: str) -> Form | None:
    """Return the form a body claims to have."""
    if body.startswith(GCM_MARK):
        return Form.GCM
    if body.startswith(FERNET_START):
        return Form.FERNET
    return Form.DOUBLE if body.startswith(DOUBLE_START) else None


def split(token: str) -> tuple[str, str, Form]:
    """Return version, body and form; raises NotATokenError, which says nothing of what was found instead."""
    version, _, body = token.partition(":")
    form = form_of(body)
    if form is None or not _VERSION.match(version):
        raise NotATokenError(
            "The column holds a text that is not a token.",
            next_step="Find the rows that were written past the column type, and encrypt or remove them.",
        )
    return version, body, form


def to_base64url(data: bytes) -> str:
    """Return unpadded base64url (RFC 4648, section 5)."""
    return binascii.b2a_base64(data, newline=False).translate(TO_URL).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Return the bytes of unpadded base64url; raises TokenFormatError for every other text."""
    try:
        encoded = text.encode("ascii").translate(FROM_URL)
        return binascii.a2b_base64(encoded + PADDING[len(encoded) & 3], strict_mode=True)
    except ValueError:
        raise malformed("is not base64url") from None


def malformed(how: str) -> TokenFormatError:
    """Make the error for a token that cannot be read, whatever the key."""
    return TokenFormatError(
        f"A token of an encrypted column {how}.",
        next_step="It was cut short or changed; take the row from a backup.",
    )
