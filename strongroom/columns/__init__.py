"""Encrypted columns of applications: tokens, ciphers and the column type.

use_keyring(EnvCryptoFile(Path(".env.crypto")), app="shop")

class User(Base):
    otp_secret: Mapped[str | None] = mapped_column(EncryptedString(max_bytes=64))
"""

from strongroom.columnkeys.holder import KeyRingHolder
from strongroom.columnkeys.ring import KeyRingSource
from strongroom.columns.blind_index import BlindIndex, matching
from strongroom.columns.encrypted_string import EncryptedString
from strongroom.columns.in_use import PROCESS, RELOAD_SECONDS, KeyringInUse
from strongroom.columns.place import Binding, TokenFormat
from strongroom.columns.reindexing import reindex
from strongroom.columns.writing import listen

__all__ = ["Binding", "BlindIndex", "EncryptedString", "TokenFormat", "matching", "reindex", "use_keyring"]


def use_keyring(
    source: KeyRingSource | KeyRingHolder, *, app: str = "", reload_seconds: float = RELOAD_SECONDS
) -> KeyRingHolder:
    """Give this process the ring its encrypted columns use: one call at start, before any query.

    `app` is part of what every token is bound to, so that applications with one ring cannot read each other's tokens;
    it must never change. The source is looked at again every so many seconds, and when a token names a version that
    the ring lacks. Returns the holder, whose fingerprint says which ring is in use. Raises as the source does.
    """
    holder = source if isinstance(source, KeyRingHolder) else KeyRingHolder(source)
    PROCESS.hold(KeyringInUse(holder, app, reload_seconds=reload_seconds))
    listen()
    return holder
