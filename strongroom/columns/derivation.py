"""From the key of a version to the keys that encrypt: once per version and column, never per value."""

import base64

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.columnkeys.ring import KeyVersion
from strongroom.columns.place import ColumnPlace

_FERNET_INFO = b"strongroom column fernet 1"
_INDEX_INFO = b"strongroom column blind index 1"
_GCM_INFO = b"strongroom column aes-256-gcm 1"


def fernet_key(version: KeyVersion) -> bytes:
    """Return the Fernet key of a version, base64url: one for all columns, so that other programs can read the tokens.

    HKDF-SHA256 (RFC 5869) of the version's key and salt, info `strongroom column fernet 1`, 32 bytes.
    """
    return base64.urlsafe_b64encode(derive(version, _FERNET_INFO))


def gcm_key(version: KeyVersion, place: ColumnPlace) -> bytes:
    """Return the AES-256-GCM key of a version for one column.

    The same derivation, info `strongroom column aes-256-gcm 1` + app, table and column, each length-prefixed.
    """
    return derive(version, _GCM_INFO + place.encoded())


def index_key(version: KeyVersion, place: ColumnPlace) -> bytes:
    """Return the key of a version for the blind index of one column; info `strongroom column blind index 1` + place."""
    return derive(version, _INDEX_INFO + place.encoded())


def derive(version: KeyVersion, info: bytes) -> bytes:
    """Return 32 bytes of HKDF-SHA256; the only derivation in this room."""
    return HKDF(algorithm=SHA256(), length=32, salt=version.salt, info=info).derive(version.key)
