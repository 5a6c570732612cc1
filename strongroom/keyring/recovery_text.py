"""The recovery key as people print and type it.

    SRK1-ABCD-EFGH-...

`SRK1`, then base32 (RFC 4648, no padding) of the 32 key bytes and the first 4 bytes of SHA-256("strongroom recovery key
text 1" + key), in groups of four. The alphabet has neither 0 nor 1, so O and I cannot be taken for them.
"""

import base64
import binascii
import hashlib
import hmac
import re
from pathlib import Path

from strongroom.keyring.errors import RecoveryKeyError
from strongroom.keyring.private_file import NotPrivateError, read_private
from strongroom.keyring.secret import SecretKey

_PREFIX = "SRK1"
_DOMAIN = b"strongroom recovery key text 1"
_KEY_TEXT = re.compile(r"\bSRK1(?:\s*-\s*[A-Za-z2-7]{1,4})+")
_CHECK_BYTES = 4
_GROUP = 4


def key_text(key: SecretKey) -> str:
    """Write a key for paper, 77 characters."""
    raw = key.reveal()
    digits = base64.b32encode(raw + _check(raw)).decode("ascii").rstrip("=")
    return "-".join([_PREFIX, *(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))])


def read_key_text(text: str) -> SecretKey:
    """Find and read the key in a text, a whole recovery kit for instance; raises RecoveryKeyError."""
    found = _KEY_TEXT.search(text)
    if found is None:
        raise _unreadable("There is no recovery key in the file", "It is the line that begins with SRK1.")
    digits = re.sub(r"[-\s]", "", found.group()).removeprefix(_PREFIX).upper()
    try:
        raw = base64.b32decode(digits + "=" * (-len(digits) % 8))
    except binascii.Error:
        raise _unreadable("The recovery key has a wrong number of characters", "Compare it with the paper.") from None
    key, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    if len(key) != 32 or not hmac.compare_digest(check, _check(key)):
        raise _unreadable("The recovery key is misspelled", "Compare it with the paper, group by group.")
    return SecretKey(key)


def read_key_file(path: Path) -> SecretKey:
    """Read the key from a file of mode 600; raises RecoveryKeyError."""
    try:
        return read_key_text(read_private(path).decode("utf-8", "replace"))
    except NotPrivateError as error:
        raise _unreadable(f"{path} is refused: {error.args[0]}", f"Run `chmod 600 {path}`.") from None
    except OSError as error:
        raise _unreadable(f"{path} cannot be read: {error.strerror}", "Name the file that holds the key.") from None


def _check(raw: bytes) -> bytes:
    return hashlib.sha256(_DOMAIN + raw).digest()[:_CHECK_BYTES]


def _unreadable(what: str, next_step: str) -> RecoveryKeyError:
    return RecoveryKeyError(f"{what}.", next_step=next_step)
