"""The ring this process encrypts columns with: given once at start, followed when it changes."""

import logging
from collections.abc import Hashable, Mapping

from strongroom.clock import Clock, RandomBytes, SystemClock, system_random
from strongroom.columnkeys.holder import KeyRingHolder
from strongroom.columnkeys.ring import READABLE, KeyRing
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.derivation import index_key
from strongroom.columns.errors import KeyringMissingError
from strongroom.columns.place import Binding, ColumnPlace, TokenFormat
from strongroom.errors import StrongroomError

RELOAD_SECONDS = 5.0
_LOG = logging.getLogger(__name__)


class Generation:
    """One ring and the ciphers made of it so far; replaced as a whole when the ring changes."""

    __slots__ = ("_ciphers", "_index_keys", "_random", "app", "ring")

    def __init__(self, ring: KeyRing, app: str, random: RandomBytes) -> None:
        self.ring, self.app, self._random = ring, app, random
        self._ciphers: dict[Hashable, ColumnCipher] = {}
        self._index_keys: dict[tuple[str, str], Mapping[str, bytes]] = {}

    def cipher(self, place: tuple[str, str], format_: TokenFormat, binding: Binding, *, strict: bool) -> ColumnCipher:
        """Return the cipher of a column, given as table and column; its keys are derived the first time."""
        wanted = (place, format_, binding, strict)
        found = self._ciphers.get(wanted)
        if found is None:
            whole = ColumnPlace(self.app, *place)
            found = ColumnCipher(self.ring, whole, format=format_, binding=binding, strict=strict, random=self._random)
            # Two threads may both make one; they are alike.
            self._ciphers[wanted] = found
        return found

    def index_keys(self, place: tuple[str, str]) -> Mapping[str, bytes]:
        """Return the key of every version that may read, by its name, for the blind index of a column."""
        found = self._index_keys.get(place)
        if found is None:
            whole = ColumnPlace(self.app, *place)
            readable = {name: version for name, version in self.ring.versions.items() if version.state in READABLE}
            found = {name: index_key(version, whole) for name, version in readable.items()}
            self._index_keys[place] = found
        return found


class KeyringInUse:
    """Follows what the holder of a ring holds, and lets it look at its source from time to time."""

    def __init__(
        self,
        holder: KeyRingHolder,
        app: str,
        *,
        reload_seconds: float = RELOAD_SECONDS,
        clock: Clock | None = None,
        random: RandomBytes = system_random,
    ) -> None:
        self._holder, self._app, self._random = holder, app, random
        self._clock, self._every = clock or SystemClock(), reload_seconds
        self._next_look = self._clock.monotonic() + reload_seconds

    def follow(self, known: Generation | None) -> Generation:
        """Let the holder look at its source if that is long ago, and return the generation of the ring it holds.

        A source that fails leaves the ring as it is.
        """
        if self._clock.monotonic() >= self._next_look:
            self._next_look = self._clock.monotonic() + self._every
            try:
                self._holder.refresh()
            except (StrongroomError, OSError) as error:
                _LOG.warning("the ring of column keys could not be read again and stays as it was: %s", error)
        return self._of(self._holder.ring(), known)

    def search(self, version: str, known: Generation) -> Generation:
        """Have the holder look for a version that a token names; raises as KeyRingHolder.get_version."""
        self._holder.get_version(version)
        return self._of(self._holder.ring(), known)

    def _of(self, ring: KeyRing, known: Generation | None) -> Generation:
        if known is not None and known.ring is ring:
            return known
        _LOG.info("encrypted columns use a ring of column keys whose active version is %s", ring.active)
        return Generation(ring, self._app, self._random)


class Process:
    """What this process was given, if anything: the ring in use, and its ciphers."""

    __slots__ = ("generation", "in_use")

    def __init__(self) -> None:
        self.in_use: KeyringInUse | None = None
        self.generation: Generation | None = None

    def hold(self, in_use: KeyringInUse | None) -> None:
        """Use this ring from now on, or none."""
        self.in_use = in_use
        self.generation = None if in_use is None else in_use.follow(None)

    def follow(self) -> None:
        """Take up a ring that has changed; called before each statement."""
        if self.in_use is not None:
            self.generation = self.in_use.follow(self.generation)

    def search(self, version: str) -> None:
        """Take up a ring that has this version; raises as KeyRingHolder.get_version."""
        if self.in_use is not None:
            self.generation = self.in_use.search(version, self.held())

    def held(self) -> Generation:
        """Return the ciphers of the ring in use; raises KeyringMissingError."""
        if self.generation is None:
            raise KeyringMissingError(
                "SecretsManager not initialised: this process was given no ring of column keys.",
                next_step="Call strongroom.columns.use_keyring(EnvCryptoFile(path)) once at start, before any query.",
            )
        return self.generation


PROCESS = Process()
