"""Wire profile v2: signed bytes, a key per purpose, direction and message, AES-256-GCM.

A message is `{"protected": b64url(header), "ciphertext": b64url(...), "mac": b64url(32 bytes)}` without padding.

- header: JSON of integers and strings: v, alg, psk, epoch, sender, receiver, type, msg_id, boot, seq, ts (milliseconds)
  and, where the plaintext is compressed, zip = "zstd".
- mac: HMAC-SHA256 over `protected "." ciphertext` as they were received, checked before any of it is read. It commits
  to the key, which GCM alone does not.
- ciphertext: AES-256-GCM over the plaintext, the header's bytes are associated data. Key and nonce are derived from the
  key of the direction and the message's id.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta

from strongroom.keysync.derivation import SHORTEST_SECRET, Direction, Purpose, derive_key, derive_message_key, mac_of
from strongroom.keysync.keeping import Psk
from strongroom.keysync.payloads import Milliseconds, SystemId
from strongroom.keysync.refusals import MessageRefusedError, Reason
from strongroom.keysync.strict_json import parse_object, write_object

ALGORITHM = "A256GCM"
COMPRESS_ABOVE = 1024
"""Bytes of plaintext from which on it is compressed."""
LARGEST_PLAINTEXT = 1 << 19
MEMBERS = frozenset({"protected", "ciphertext", "mac"})
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a message says of itself; authenticated, and never secret."""

    v: Literal[2]
    alg: Annotated[str, Meta(max_length=16)]
    psk: Annotated[str, Meta(min_length=1, max_length=64)]
    epoch: Annotated[int, Meta(ge=0, lt=1 << 32)]
    sender: SystemId
    receiver: SystemId
    type: Annotated[str, Meta(max_length=32)]
    msg_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    boot: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
    seq: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
    ts: Milliseconds
    zip: Literal["", "zstd"] = ""

    @property
    def direction(self) -> Direction:
        """Return from whom to whom it goes."""
        return Direction(self.sender, self.receiver)


@dataclass(frozen=True, slots=True)
class Verified:
    """A message whose MAC is right; its content is still closed."""

    header: Header
    psk: Psk
    raw_header: bytes
    ciphertext: bytes = field(repr=False)

    def open(self, base: bytes) -> bytes:
        """Return the plaintext, by the encryption key of the direction; raises MessageRefusedError."""
        made = derive_message_key(base, self.header.msg_id)
        try:
            plaintext = AESGCM(made.key).decrypt(made.nonce, self.ciphertext, self.raw_header)
        except InvalidTag:
            raise MessageRefusedError(Reason.CIPHERTEXT) from None
        return _decompressed(plaintext) if self.header.zip else plaintext


def seal(header: Header, plaintext: bytes, base: bytes, mac_key: bytes) -> bytes:
    """Return the body of a request or an answer; `header.zip` is set here."""
    if len(plaintext) > COMPRESS_ABOVE:
        header = msgspec.structs.replace(header, zip="zstd")
        plaintext = zstandard.ZstdCompressor(level=1).compress(plaintext)
    raw_header = write_object(msgspec.to_builtins(header))
    made = derive_message_key(base, header.msg_id)
    protected = _to_base64url(raw_header)
    ciphertext = _to_base64url(AESGCM(made.key).encrypt(made.nonce, plaintext, raw_header))
    mac = _to_base64url(mac_of(mac_key, protected.encode(), ciphertext.encode()))
    return write_object({"protected": protected, "ciphertext": ciphertext, "mac": mac})


def verify(envelope: dict[str, Any], psks: Iterable[Psk], direction: Direction, purpose: Purpose) -> Verified:
    """Check the MAC by each secret of the pair and then read the header; raises MessageRefusedError.

    Nothing that the message says of itself chooses the keys: only who the two are.
    """
    texts = [envelope.get(name) for name in ("protected", "ciphertext", "mac")]
    if envelope.keys() != MEMBERS or not all(isinstance(text, str) and _BASE64URL.fullmatch(text) for text in texts):
        raise MessageRefusedError(Reason.MALFORMED)
    protected, ciphertext, shown = map(str, texts)
    psk = _signer(protected, ciphertext, shown, psks, (direction, purpose))
    raw_header = _from_base64url(protected)
    header = _read_header(raw_header)
    if header.psk != psk.psk_id:
        raise MessageRefusedError(Reason.MAC)
    return Verified(header, psk, raw_header, _from_base64url(ciphertext))


def _signer(protected: str, ciphertext: str, shown: str, psks: Iterable[Psk], way: tuple[Direction, Purpose]) -> Psk:
    direction, purpose = way
    for psk in (psk for psk in psks if len(psk.secret) >= SHORTEST_SECRET):
        mac = mac_of(derive_key(psk.secret, purpose, direction), protected.encode(), ciphertext.encode())
        if hmac.compare_digest(_to_base64url(mac), shown):
            return psk
    raise MessageRefusedError(Reason.MAC)


def _read_header(raw: bytes) -> Header:
    try:
        header = msgspec.convert(parse_object(raw), Header)
    except msgspec.ValidationError:
        raise MessageRefusedError(Reason.MALFORMED) from None
    if header.alg != ALGORITHM:
        raise MessageRefusedError(Reason.PROFILE)
    return header


def _decompressed(packed: bytes) -> bytes:
    try:
        size = zstandard.frame_content_size(packed)
        if not 0 <= size <= LARGEST_PLAINTEXT:
            raise MessageRefusedError(Reason.SIZE)
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=LARGEST_PLAINTEXT)
    except zstandard.ZstdError:
        raise MessageRefusedError(Reason.CONTENT) from None


def _to_base64url(read: bytes) -> str:
    return urlsafe_b64encode(read).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise MessageRefusedError(Reason.MALFORMED) from None
