"""A sealed copy of the file of column keys: JSON that says what is in it and opens with any of several keys.

    {"format": "strongroom-sealed-key-ring", "version": 1, "made": "2026-01-14T12:34:56Z", "ring": "<fingerprint>",
     "holds": ["v1", "v2"], "slots": [{"provider": "passphrase", "version": "scrypt", "wrapped": "<base64>"}, ...],
     "nonce": "<base64>", "sealed": "<base64>"}

`sealed` is the whole file of keys under AES-256-GCM, with a key used once, which every slot wraps. Associated data:
`format`, `version`, `made`, `ring` and `holds` as JSON with sorted keys and no spaces; a slot's context has `made` and
`ring` too. `holds` names the versions whose keys are inside.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.clock import RandomBytes, system_random
from strongroom.columnkeys.errors import SealedCopyError
from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.errors import StrongroomError
from strongroom.keyring.errors import WrongKeyError
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey

NONCE_BYTES = 12
_FORMAT: Literal["strongroom-sealed-key-ring"] = "strongroom-sealed-key-ring"


class _Slot(msgspec.Struct, frozen=True):
    provider: str
    version: str
    wrapped: str


class SealedCopy(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy says before it is opened; true only once it has been."""

    format: Literal["strongroom-sealed-key-ring"]
    version: Literal[1]
    made: datetime
    ring: str
    holds: tuple[str, ...]
    slots: tuple[_Slot, ...]
    nonce: str
    sealed: str


def seal_copy(
    content: bytes, ring: KeyRing, made: datetime, keys: Sequence[KekProvider], random: RandomBytes = system_random
) -> bytes:
    """Seal the bytes of a file of keys to each of `keys`, any of which opens it again."""
    if not keys:
        raise ValueError("a copy is sealed to at least one key")
    secret, nonce = SecretKey(random(32)), random(NONCE_BYTES)
    moment = made.astimezone(UTC).replace(microsecond=0)
    holds = tuple(name for name, version in sorted(ring.versions.items()) if version.state is not KeyState.DESTROYED)
    head = SealedCopy(
        format=_FORMAT, version=1, made=moment, ring=ring.fingerprint(), holds=holds, slots=(), nonce="", sealed=""
    )
    sealed = AESGCM(secret.reveal()).encrypt(nonce, content, _associated_data(head))
    slots = tuple(_slot(key.wrap(secret, _context(head))) for key in keys)
    whole = msgspec.structs.replace(head, slots=slots, nonce=_text(nonce), sealed=_text(sealed))
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def read_copy(raw: bytes) -> SealedCopy:
    """Read what a copy says of itself; raises SealedCopyError."""
    try:
        return msgspec.json.decode(raw, type=SealedCopy)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _unreadable("This is not a sealed copy of column keys, or it is cut short") from None


def is_copy(raw: bytes) -> bool:
    """Say whether bytes claim to be a sealed copy; a plain file of keys begins with no brace."""
    return raw.lstrip()[:1] == b"{"


def open_copy(raw: bytes, keys: Iterable[KekProvider]) -> bytes:
    """Return the bytes of the file of keys, as they were.

    Raises SealedCopyError for what is no copy or was changed, and WrongKeyError where none of the keys opens it.
    """
    copy = read_copy(raw)
    secret = _unwrapped(copy, list(keys))
    try:
        return AESGCM(secret.reveal()).decrypt(_bytes(copy.nonce), _bytes(copy.sealed), _associated_data(copy))
    except (InvalidTag, ValueError):
        raise _unreadable("This sealed copy was changed since it was made") from None


def _unwrapped(copy: SealedCopy, keys: list[KekProvider]) -> SecretKey:
    refusal: StrongroomError | None = None
    for slot in copy.slots:
        for key in (key for key in keys if key.name == slot.provider):
            try:
                return key.unwrap(WrappedKey(slot.provider, slot.version, _bytes(slot.wrapped)), _context(copy))
            except StrongroomError as error:
                refusal = error
    if refusal is not None:
        raise refusal
    sealed_to = ", ".join(sorted({slot.provider[:32] for slot in copy.slots})) or "nothing"
    raise WrongKeyError(f"This copy is sealed to: {sealed_to}.", next_step="Give that passphrase or key.")


def _associated_data(copy: SealedCopy) -> bytes:
    head = {"format": copy.format, "version": copy.version, "holds": list(copy.holds), **_context(copy)}
    return json.dumps(head, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _context(copy: SealedCopy) -> dict[str, str]:
    return {"made": copy.made.isoformat(), "ring": copy.ring}


def _slot(wrapped: WrappedKey) -> _Slot:
    return _Slot(wrapped.provider, wrapped.version, _text(wrapped.ciphertext))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _unreadable("This sealed copy was changed since it was made") from None


def _unreadable(what: str) -> SealedCopyError:
    return SealedCopyError(f"{what}.", next_step="Take another copy: ls .env.crypto.backup_*")
