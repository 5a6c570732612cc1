"""The keys of the column that holds secrets of second factors."""

import threading

from strongroom.columnkeys.holder import KeyRingHolder
from strongroom.columns.in_use import PROCESS, KeyringInUse
from strongroom.columns.writing import listen
from strongroom.purposekeys.keys import Purpose, PurposeKeys
from strongroom.purposekeys.ring import APP, PurposeRing

_FOR_EVER = 10.0 * 366 * 86_400


class FactorRing:
    """Gives this process the ring of the catalog's own encrypted column when it is first needed."""

    def __init__(self, keys: PurposeKeys) -> None:
        self._keys = keys
        self._lock = threading.Lock()
        self._in_use: KeyringInUse | None = None

    def make_ready(self) -> None:
        """Have the column encrypt and decrypt; call it before a transaction. Raises as PurposeKeys.get."""
        with self._lock:
            if self._in_use is None:
                # Loading the ring must not ask the catalog any more: every statement there asks for the ring.
                self._keys.get(Purpose.FACTORS)
                holder = KeyRingHolder(PurposeRing(self._keys, Purpose.FACTORS))
                self._in_use = KeyringInUse(holder, APP, reload_seconds=_FOR_EVER)
            if PROCESS.in_use is not self._in_use:
                PROCESS.hold(self._in_use)
                listen()
