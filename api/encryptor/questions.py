"""Reads what an encryptor asks; every parameter at most once, and nothing is guessed."""

import re
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from api.encryptor.errors import MalformedQuestionError

KEY_BITS = 256
ENTROPY_BITS = 256
_KEY_SIZES = range(128, 513, 8)
_ENTROPY_SIZES = range(8, 2049, 8)
_KEY_ID = re.compile(r"(?:[0-9a-fA-F]{2}){8,64}")
_SYSTEM_ID = re.compile(r"[A-Za-z0-9._:@-]{1,64}")
"""No glob characters: a question names one system."""


@dataclass(frozen=True, slots=True)
class KeyQuestion:
    """A fresh key that is shared with `remote`, of so many bits."""

    remote: str
    bits: int


def read_key_question(query: QueryParams) -> KeyQuestion:
    """Read `remoteSystemID` and `size`; raises MalformedQuestionError."""
    return KeyQuestion(read_remote(query), _size(query, "size", KEY_BITS, _KEY_SIZES))


def read_entropy_bits(query: QueryParams) -> int:
    """Read `minentropy`, in bits; raises MalformedQuestionError."""
    return _size(query, "minentropy", ENTROPY_BITS, _ENTROPY_SIZES)


def read_remote(query: QueryParams) -> str:
    """Read `remoteSystemID`; raises MalformedQuestionError."""
    remote = _only(query, "remoteSystemID")
    if remote is None or not _SYSTEM_ID.fullmatch(remote):
        raise _malformed("remoteSystemID")
    return remote


def read_key_id(text: str) -> str:
    """Return a key id in lower case; raises MalformedQuestionError."""
    if not _KEY_ID.fullmatch(text):
        raise _malformed("keyId")
    return text.lower()


def _size(query: QueryParams, name: str, default: int, allowed: range) -> int:
    text = _only(query, name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and int(text) in allowed):
        raise _malformed(name)
    return int(text)


def _only(query: QueryParams, name: str) -> str | None:
    values = query.getlist(name)
    if len(values) > 1:
        raise _malformed(name)
    return values[0] if values else None


def _malformed(name: str) -> MalformedQuestionError:
    return MalformedQuestionError(f"{name} is missing, repeated or malformed.", next_step="Correct it and ask again.")
