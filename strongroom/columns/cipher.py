"""Tokens of one column: made under the active version, opened under any that may read."""

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Sequence
from itertools import repeat

from cryptography.exceptions import InvalidTag
from cryptography.fernet import InvalidToken

from strongroom.clock import RandomBytes, system_random
from strongroom.columnkeys.ring import READABLE, KeyRing
from strongroom.columns.alike import open_alike, seal_alike
from strongroom.columns.errors import (
    NotATokenError,
    TokenRefusedError,
    TokenUnboundError,
    ValueTypeError,
    row_unknown,
)
from strongroom.columns.place import NO_ROW, Binding, ColumnPlace, TokenFormat, length_prefixed
from strongroom.columns.token import (
    FERNET_START,
    FROM_URL,
    GCM_AFTER_NAME,
    GCM_MARK,
    NONCE_BYTES,
    PADDING,
    TO_URL,
    Form,
    Token,
    from_base64url,
    malformed,
    split,
)
from strongroom.columns.version_keys import VersionKeys

TAG_BYTES = 16

# Four bytes of a length below 128 are four characters of ASCII, so that associated data can be put together as text.
_LENGTHS = tuple(number.to_bytes(4, "big").decode("ascii") for number in range(128))


class ColumnCipher:
    """Encrypts and decrypts the values of one column; all keys are derived here, once, and none later.

    Tokens are `<version>:` and one of
    - `g1.` + base64url, unpadded, of nonce (12 bytes), ciphertext, tag (16): AES-256-GCM. Associated data: app, table,
      column, row id or `-`, version, each with its length in front (4 bytes, big-endian);
    - a Fernet token; one that was base64-encoded once more is read as well.

    A column that is not strict also reads what it would not write: Fernet tokens and tokens bound to the column only.
    Safe to share between threads and to take across a fork: nothing in it changes.
    """

    def __init__(
        self,
        ring: KeyRing,
        place: ColumnPlace,
        *,
        format: TokenFormat,  # noqa: A002 - the word users know it by
        binding: Binding,
        strict: bool = False,
        random: RandomBytes = system_random,
    ) -> None:
        self._ring, self._random = ring, random
        self._format, self._by_row, self._strict = format, binding is Binding.ROW, strict
        self._aad_head = place.encoded()
        self._readable = {
            name: VersionKeys.of(version, place) for name, version in ring.versions.items() if version.state in READABLE
        }
        self._active = self._readable[ring.active]
        self._encrypt, self._text_tail = self._active.encrypt, self._active.text_tail
        # Where that is not so, none is found for any length, and the associated data is put together from bytes.
        head = self._aad_head.decode("ascii", "replace")
        self._fronts = tuple(head + length for length in _LENGTHS) if self._aad_head.isascii() else ()
        self._gcm_prefix = f"{ring.active}:{GCM_MARK}"
        self._sealed_prefix = self._gcm_prefix.encode("ascii")
        self._writes_gcm = format is TokenFormat.AES_GCM

    def __repr__(self) -> str:
        return f"ColumnCipher({self._format}, active {self._ring.active!r})"

    # encrypt and decrypt run once a value. What is usual is written out in one piece, because a call costs a tenth of
    # the cipher; what is unusual is left to the methods below, which know every case.

    def encrypt(self, text: str, row: str | None) -> Token:
        """Return a token under the active version; raises RowUnknownError and ValueTypeError."""
        if not self._writes_gcm:
            return Token(f"{self._active.name}:{self._active.fernet.encrypt(encoded(text)).decode('ascii')}")
        try:
            data = text.encode()
            if self._by_row:
                front = self._fronts[len(row)]  # type: ignore[arg-type] # None is one of the errors below
                aad = f"{front}{row}{self._text_tail}".encode("ascii")
            else:
                aad = self._active.column_aad
        except (AttributeError, IndexError, TypeError, UnicodeEncodeError):
            data, aad = encoded(text), self._aad(self._active, self._bound(row))
        nonce = self._random(NONCE_BYTES)
        sealed = nonce + self._encrypt(nonce, data, aad)
        return Token(self._sealed_prefix + b2a_base64(sealed, newline=False).translate(TO_URL).rstrip(b"="), "ascii")

    def decrypt(self, token: str, row: str | None) -> str:
        """Return the text of a token.

        Raises NotATokenError, TokenFormatError, TokenRefusedError, TokenUnboundError, RowUnknownError, and what
        KeyRing.get_version raises for a version that may not read.
        """
        name, _, body = token.partition(GCM_AFTER_NAME)
        try:
            keys = self._readable[name]
            sealed = body.encode().translate(FROM_URL)
            sealed = a2b_base64(sealed + PADDING[len(sealed) & 3], strict_mode=True)
            if self._by_row:
                front = self._fronts[len(row)]  # type: ignore[arg-type] # None is one of the errors below
                aad = f"{front}{row}{keys.text_tail}".encode("ascii")
            else:
                aad = keys.column_aad
            return keys.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad).decode()
        except (IndexError, InvalidTag, KeyError, TypeError, ValueError):
            return _decoded(self._open(token, row)[0])

    def convert(self, token: str, row: str | None) -> Token | None:
        """Return the same text in a token as encrypt makes it; None where it is one already. Raises as decrypt."""
        # A Fernet token goes there at once: while a column is migrated, all are.
        text = self.decrypt(token, row) if GCM_AFTER_NAME in token else _decoded(self._open(token, row)[0])
        return None if self._is_current(token, row) else self.encrypt(text, row)

    def convert_alike(self, tokens: Sequence[str], rows: Sequence[str] | None) -> list[str] | None:
        """Return what convert makes of tokens of one older version and one form, in less time.

        `rows` has the row of each token, None where the column does not bind to rows. None is returned, and nothing
        said of why, where one of the tokens is of another kind or does not open: convert knows what to do with each.
        """
        keys = self._readable.get(tokens[0].partition(":")[0])
        if keys is None or keys is self._active or not self._writes_gcm or (rows is None) is self._by_row:
            return None
        try:
            old_aad, new_aad = self._associated(keys, rows), self._associated(self._active, rows)
            texts = open_alike(keys, tokens, old_aad, fernet_too=not self._strict)
            return seal_alike(self._active, texts, new_aad, self._random)
        except (IndexError, InvalidTag, InvalidToken, ValueError):
            return None

    def _associated(self, keys: VersionKeys, rows: Sequence[str] | None) -> Iterable[bytes]:
        if rows is None:
            return repeat(keys.column_aad)
        fronts, tail = self._fronts, keys.text_tail
        return [f"{fronts[len(row)]}{row}{tail}".encode("ascii") for row in rows]

    @staticmethod
    def version_of(token: str) -> str | None:
        """Return the version a token names, None for a text that is no token; opens nothing."""
        try:
            return split(token)[0]
        except NotATokenError:
            return None

    def _is_current(self, token: str, row: str | None) -> bool:
        """Say whether a token that opens is one that encrypt could have made."""
        if not self._writes_gcm:
            return token.startswith(f"{self._active.name}:{FERNET_START}")
        return token.startswith(self._gcm_prefix) and self._open(token, row)[1] == self._bound(row)

    def _bound(self, row: str | None) -> str:
        if not self._by_row:
            return NO_ROW
        if row is None:
            raise row_unknown()
        return row

    def _aad(self, keys: VersionKeys, bound: str) -> bytes:
        return self._aad_head + length_prefixed(bound) + keys.aad_tail

    def _open(self, token: str, row: str | None) -> tuple[bytes, str]:
        """Return the text's bytes and the row it was bound to, `-` for none."""
        name, body, form = split(token)
        keys = self._readable.get(name) or _keys_refused(self._ring, name)
        if form is Form.GCM:
            return self._open_gcm(keys, body, row)
        if self._strict and self._writes_gcm:
            raise _unbound()
        return _open_fernet(keys, body, form), NO_ROW

    def _open_gcm(self, keys: VersionKeys, body: str, row: str | None) -> tuple[bytes, str]:
        sealed = from_base64url(body[len(GCM_MARK) :])
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            raise malformed("is cut short")
        wanted = row if self._by_row and row is not None else NO_ROW
        try:
            return keys.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._aad(keys, wanted)), wanted
        except InvalidTag:
            return self._open_otherwise(keys, sealed, row, wanted)

    def _open_otherwise(self, keys: VersionKeys, sealed: bytes, row: str | None, tried: str) -> tuple[bytes, str]:
        """Open a token from before the binding of its column was changed, or say why not."""
        other = row if tried == NO_ROW else NO_ROW
        if other is None:
            raise row_unknown() if self._by_row else _refused()
        try:
            data = keys.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._aad(keys, other))
        except InvalidTag:
            raise _refused() from None
        if self._strict:
            raise _unbound()
        return data, other


def _keys_refused(ring: KeyRing, name: str) -> VersionKeys:
    """Raise what the ring says of a version that may not read."""
    ring.get_version(name)
    raise TokenRefusedError(
        f"Version {name!r} of the column keys may not read.", next_step="See `strongroom secrets list`."
    )


def _open_fernet(keys: VersionKeys, body: str, form: Form) -> bytes:
    # The library passes over characters that are not base64, so that one token could be written in many ways.
    inside = from_base64url(body.rstrip("="))
    try:
        return keys.fernet.decrypt(inside if form is Form.DOUBLE else body)
    except InvalidToken:
        raise _refused() from None


def encoded(text: str) -> bytes:
    """Return the text in UTF-8; raises ValueTypeError, which does not show it."""
    try:
        return text.encode()
    except (AttributeError, UnicodeEncodeError):
        raise ValueTypeError(
            f"A value of type {type(text).__name__} cannot be encrypted.",
            next_step="Give a text without lone surrogates.",
        ) from None


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise malformed("opens, but holds no UTF-8 text") from None


def _refused() -> TokenRefusedError:
    return TokenRefusedError(
        "A token does not open: it was changed, comes from another place, or its version has another key now.",
        next_step="Check the ring with `strongroom secrets validate-config`; else take the row from a backup.",
    )


def _unbound() -> TokenUnboundError:
    return TokenUnboundError(
        "A token is not bound as this strict column wants.",
        next_step="It was moved here, or the column is not re-encrypted yet: run `strongroom secrets reencrypt`.",
    )
