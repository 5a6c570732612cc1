"""Backup codes: 120 random bits each, written so that people can copy them."""

import hashlib
import hmac
import uuid

from strongroom.clock import RandomBytes
from strongroom.keyring.secret import SecretKey

HOW_MANY = 10
BYTES = 15
CHARACTERS = 24
GROUP = 4
LONGEST_TYPED = 64
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Base32 of Crockford: no I, L, O and U."""
_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def new_codes(random: RandomBytes) -> list[str]:
    """Return ten different codes, each of six groups of four characters."""
    codes: set[str] = set()
    while len(codes) < HOW_MANY:
        codes.add(_written(int.from_bytes(random(BYTES), "big")))
    return sorted(codes)


def normalised(typed: str) -> str | None:
    """Return the 24 characters that somebody meant, in whatever case and groups; None for what is no backup code."""
    if len(typed) > LONGEST_TYPED or not typed.isascii():
        return None
    text = "".join(typed.split()).upper().translate(_ALIKE)
    return text if len(text) == CHARACTERS and set(text) <= set(ALPHABET) else None


def digest(key: SecretKey, account_id: uuid.UUID, code: str) -> bytes:
    """Return HMAC-SHA-256 of the account's id (16 bytes) and the 24 characters; nobody guesses 120 bits."""
    return hmac.digest(key.reveal(), account_id.bytes + code.encode("ascii"), hashlib.sha256)


def _written(number: int) -> str:
    text = "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(CHARACTERS)))
    return "-".join(text[start : start + GROUP] for start in range(0, CHARACTERS, GROUP))
