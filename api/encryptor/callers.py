"""Who may ask: encryptors by the names that TLS has proven, each for its own peers and at its own rate."""

import threading
from collections.abc import Callable
from fnmatch import fnmatchcase

from api.encryptor.errors import EncryptorRefusedError, RateExceededError
from strongroom.settings import EncryptorSettings, PeerSettings, SkipSettings

ANYBODY = EncryptorSettings(name="plain-http")
"""Who is on a connection without TLS, which only the switch for tests allows."""


class Callers:
    """The encryptors of the settings; one rate for each, in each process."""

    def __init__(self, skip: SkipSettings, monotonic: Callable[[], float]) -> None:
        self._known = {encryptor.known_as: encryptor for encryptor in skip.encryptors.values()}
        self._peers = tuple(skip.peers.values())
        self._plain = skip.encryptor_face.plain_http
        self._rates = Rates(skip.encryptor_face.requests_per_second, monotonic)

    def admit(self, names: frozenset[str] | None) -> EncryptorSettings:
        """Return who is meant by the names on a connection; raises EncryptorRefusedError and RateExceededError."""
        encryptor = self._find(names)
        if encryptor is None:
            shown = ", ".join(f"{name[:80]!a}" for name in sorted(names or ())[:8]) or "nothing"
            raise EncryptorRefusedError(
                f"No encryptor of these names is configured, or several are: {shown}.",
                next_step="Add it as [skip.encryptors.NAME].",
            )
        self._rates.take(encryptor.name)
        return encryptor

    def peers_of(self, encryptor: EncryptorSettings) -> tuple[PeerSettings, ...]:
        """Return the peers an encryptor may ask keys for."""
        return tuple(peer for peer in self._peers if may_ask(encryptor, peer.known_as))

    def _find(self, names: frozenset[str] | None) -> EncryptorSettings | None:
        if names is None:
            return ANYBODY if self._plain else None
        meant = {name.partition(":")[2] for name in names} & self._known.keys()
        # A certificate with the names of two encryptors is nobody's.
        return self._known[meant.pop()] if len(meant) == 1 else None


def may_ask(encryptor: EncryptorSettings, system_id: str) -> bool:
    """Say whether an encryptor may ask for keys shared with a peer."""
    return any(fnmatchcase(system_id, pattern) for pattern in encryptor.remotes)


class Rates:
    """So many requests a second for each name, and so many at once after a pause."""

    def __init__(self, per_second: float, monotonic: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = max(1.0, per_second)
        self._monotonic = monotonic
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, name: str) -> None:
        """Count one request; raises RateExceededError where there were too many."""
        now = self._monotonic()
        with self._lock:
            left, since = self._left.get(name, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._per_second)
            allowed = left >= 1
            self._left[name] = (left - 1 if allowed else left, now)
        if not allowed:
            raise RateExceededError("This encryptor asks too often.", next_step="Wait a second.")
