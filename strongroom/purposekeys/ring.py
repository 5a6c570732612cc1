"""The ring of column keys for the catalog's own encrypted columns: one version, which is a purpose key."""

from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.purposekeys.keys import Purpose, PurposeKeys

APP = "strongroom"
"""The application in what tokens of the catalog are bound to."""
_VERSION = "p1"
_SALT = b"strongroom purpose ring 1"


class PurposeRing:
    """A source of a ring whose one version, `p1`, is the key of a purpose; its salt is fixed, as the key is random."""

    def __init__(self, keys: PurposeKeys, purpose: Purpose) -> None:
        self._keys, self._purpose = keys, purpose

    def load(self) -> KeyRing:
        """Return the ring; raises as PurposeKeys.get."""
        key = self._keys.get(self._purpose).reveal()
        return KeyRing({_VERSION: KeyVersion(_VERSION, KeyState.ACTIVE, key, _SALT)}, _VERSION)
