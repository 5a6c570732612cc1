"""Column keys that a key service seals: in the file they stand wrapped, and open only where the service allows it."""

import base64
import binascii

from strongroom.columnkeys.errors import KeyRingFileError
from strongroom.keyring.errors import WrongKeyError
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey

KEY_BYTES = 32
_MOST_REMEMBERED = 64


class KekWrapping:
    """Seals each version's key under a KEK: `<provider>:<KEK version>:<base64>` stands in the file.

    The context is the purpose and the version, so that a wrapped key does not open under another version's name. What
    was opened once is kept by this process, which holds the key anyway: a ring that is looked at every few seconds asks
    the service once.
    """

    def __init__(self, provider: KekProvider) -> None:
        self._provider = provider
        self._opened: dict[tuple[str, str], bytes] = {}

    def __repr__(self) -> str:
        return f"KekWrapping({self._provider.name})"

    def seal(self, version: str, key: bytes) -> str:
        """Return what stands in the file; raises KeyRingFileError for another size of key, and as the provider."""
        if len(key) != KEY_BYTES:
            raise KeyRingFileError(
                f"The key of version {version!r} has {len(key)} bytes; a key service seals keys of {KEY_BYTES}.",
                next_step=f"Make versions with --key-bytes {KEY_BYTES}.",
            )
        wrapped = self._provider.wrap(SecretKey(key), _context(version))
        text = f"{wrapped.provider}:{wrapped.version}:{base64.b64encode(wrapped.ciphertext).decode()}"
        self._remember(version, text, key)
        return text

    def open(self, version: str, text: str) -> bytes:
        """Return the key; raises WrongKeyError and as the provider does."""
        known = self._opened.get((version, text))
        if known is not None:
            return known
        provider, _, rest = text.partition(":")
        kek_version, _, encoded = rest.partition(":")
        try:
            ciphertext = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise WrongKeyError(
                f"The wrapped key of version {version!r} is not of the form PROVIDER:VERSION:BASE64.",
                next_step="Put back a backup: `strongroom secrets restore-config --backup-file FILE`.",
            ) from None
        key = self._provider.unwrap(WrappedKey(provider, kek_version, ciphertext), _context(version)).reveal()
        self._remember(version, text, key)
        return key

    def _remember(self, version: str, text: str, key: bytes) -> None:
        if len(self._opened) >= _MOST_REMEMBERED:
            self._opened.clear()
        self._opened[version, text] = key


def _context(version: str) -> dict[str, str]:
    return {"purpose": "strongroom column key", "version": version}
