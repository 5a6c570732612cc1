"""How long tokens are, from the length of the text."""

from strongroom.columns.place import TokenFormat
from strongroom.columns.token import GCM_MARK

LONGEST_VERSION = 32
_NONCE_AND_TAG = 12 + 16
_FERNET_FIXED = 1 + 8 + 16 + 32
_BLOCK = 16


def token_length(text_bytes: int, form: TokenFormat, version: str) -> int:
    """Return the length in characters of the token of a text of so many bytes."""
    return len(version) + 1 + _body_length(text_bytes, form)


def column_length(text_bytes: int) -> int:
    """Return the size of a column for texts up to so many bytes: either format, any name of a version."""
    return LONGEST_VERSION + 1 + max(_body_length(text_bytes, form) for form in TokenFormat)


def longest_text(length: int, form: TokenFormat, version: str) -> int:
    """Return the longest text, in bytes, whose token fits into a column of this length; -1 if none does."""
    fitting = -1
    while token_length(fitting + 1, form, version) <= length:
        fitting += 1
    return fitting


def _body_length(text_bytes: int, form: TokenFormat) -> int:
    if form is TokenFormat.AES_GCM:
        return len(GCM_MARK) + -(-(text_bytes + _NONCE_AND_TAG) * 4 // 3)
    blocks = text_bytes // _BLOCK + 1
    return -(-(_FERNET_FIXED + blocks * _BLOCK) // 3) * 4
