"""What one key version opens and seals one column with; every key is derived here, once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.columnkeys.ring import KeyVersion
from strongroom.columns.derivation import fernet_key, gcm_key
from strongroom.columns.place import NO_ROW, ColumnPlace, length_prefixed


@dataclass(frozen=True, slots=True, repr=False)
class VersionKeys:
    """The ciphers of a version, and what associated data ends with: version, or for a whole column all of it."""

    name: str
    encrypt: Callable[[bytes, bytes, bytes], bytes]
    decrypt: Callable[[bytes, bytes, bytes], bytes]
    fernet: Fernet
    aad_tail: bytes
    text_tail: str
    column_aad: bytes

    @classmethod
    def of(cls, version: KeyVersion, place: ColumnPlace) -> Self:
        """Derive the keys of a column."""
        gcm = AESGCM(gcm_key(version, place))
        tail = length_prefixed(version.name)
        column_aad = place.encoded() + length_prefixed(NO_ROW) + tail
        fernet = Fernet(fernet_key(version))
        return cls(version.name, gcm.encrypt, gcm.decrypt, fernet, tail, tail.decode("ascii"), column_aad)
