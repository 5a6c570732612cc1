"""Where a ring comes from: the file, environment variables of the same names, or both together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.env_ring import Origin, read_ring
from strongroom.columnkeys.env_text import ACTIVE, FILE_MAC, Entry, is_ring_name, version_names
from strongroom.columnkeys.errors import KeyRingConflictError, KeyRingInvalidError
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion

ENVIRONMENT = "environment variables"


@dataclass(frozen=True, slots=True, repr=False)
class FileAndEnvironment:
    """The ring of a file to which the environment may add versions, and whose active version it may name.

    A version that is in both must have the same key and salt. A state that the file knows counts.
    """

    file: EnvCryptoFile
    environment: Mapping[str, str]

    def origins(self) -> tuple[str, ...]:
        """Return the places that carry a part of the ring, for people to read."""
        file = (str(self.file.path),) if self.file.exists() else ()
        return (*file, ENVIRONMENT) if self._values() else file

    def load(self) -> KeyRing:
        """Return the ring; raises as a file does, and KeyRingConflictError where the places contradict each other."""
        values = self._values()
        if not values:
            return self.file.load()
        origin = Origin(ENVIRONMENT, self.file.wrapping)
        if not self.file.exists():
            return read_ring(values, origin)
        ring = self.file.load()
        names = version_names(values)
        if names:
            ring = _joined(ring, read_ring(_as_a_whole(values, names), origin))
        return _with_active(ring, values.get(ACTIVE, ring.active))

    def verify_may_change(self) -> None:
        """Return when a change of the file would count; raises KeyRingConflictError where the environment decides."""
        if self._values().get(ACTIVE):
            raise KeyRingConflictError(
                f"The environment variable {ACTIVE} decides which version is active, whatever the file says.",
                next_step="Remove the variable from every process, or change the version where it is set.",
            )

    def _values(self) -> dict[str, str]:
        return {name: text for name, text in self.environment.items() if is_ring_name(name) and name != FILE_MAC}


def _as_a_whole(values: Mapping[str, str], names: list[str]) -> dict[str, str]:
    """Return values that make a ring of their own: the active version may be one that only the file has."""
    active = values.get(ACTIVE)
    if active in names:
        return dict(values)
    stateless = {name: text for name, text in values.items() if name != f"{Entry.STATE}{names[0]}"}
    return stateless | {ACTIVE: names[0]}


def _joined(ring: KeyRing, added: KeyRing) -> KeyRing:
    versions: dict[str, KeyVersion] = dict(ring.versions)
    for name, version in added.versions.items():
        known = versions.get(name)
        if known is None:
            state = KeyState.DECRYPT_ONLY if version.state is KeyState.ACTIVE else version.state
            versions[name] = replace(version, state=state)
        elif known.state is not KeyState.DESTROYED and (known.key, known.salt) != (version.key, version.salt):
            raise KeyRingConflictError(
                f"Version {name!r} has one key in the file and another in the environment.",
                next_step="Remove the one that no data was encrypted under.",
            )
    return KeyRing(versions, ring.active)


def _with_active(ring: KeyRing, name: str) -> KeyRing:
    if name == ring.active:
        return ring
    chosen = ring.versions.get(name)
    if chosen is None or chosen.state not in {KeyState.PENDING, KeyState.DECRYPT_ONLY}:
        raise KeyRingInvalidError(
            f"The environment names {name[:32]!r} as the active version, which is not there or not in use.",
            next_step=f"Correct {ACTIVE}, or remove it so that the file decides.",
        )
    former = replace(ring.active_version(), state=KeyState.DECRYPT_ONLY)
    versions = {**ring.versions, former.name: former, name: replace(chosen, state=KeyState.ACTIVE)}
    return KeyRing(versions, name)
