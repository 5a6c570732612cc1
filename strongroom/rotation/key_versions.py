"""The two steps of a new key version: every process learns it, and only then is it written under."""

from collections.abc import Callable, Sequence

from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes, system_random
from strongroom.columnkeys.changes import KEY_BYTES, new_version, next_name, promoted, with_pending
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.errors import KeyRingConflictError
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.jobs.key_holders import list_not_knowing
from strongroom.rotation.errors import ProcessesBehindError

SECONDS_BETWEEN_LOOKS = 1.0


def plan_version(ring: KeyRing, name: str | None) -> str:
    """Return the name of the version a rotation makes active: one that is pending already, else a new one.

    Raises KeyRingConflictError for a name that is or was in use, and where another version is pending.
    """
    pending = [version.name for version in ring.versions.values() if version.state is KeyState.PENDING]
    if name is None:
        return pending[-1] if pending else next_name(ring)
    if pending and name not in pending:
        raise KeyRingConflictError(
            f"Version {pending[-1]!r} is pending: a rotation was begun and not finished.",
            next_step="Finish it with `strongroom secrets rotate`, without --new-version.",
        )
    if name in ring.versions and not pending:
        raise KeyRingConflictError(
            f"The ring has a version {name!r} already, {ring.versions[name].state.value}.",
            next_step="Choose a name that was never used, or leave it out.",
        )
    return name


def add_pending(
    file: EnvCryptoFile, name: str, clock: Clock, key_bytes: int = KEY_BYTES, random: RandomBytes = system_random
) -> KeyVersion:
    """Make a version durable before anybody uses it; one of that name that is pending already is taken as it is."""

    def added(ring: KeyRing) -> KeyRing:
        known = ring.versions.get(name)
        if known is not None and known.state is KeyState.PENDING:
            return ring
        return with_pending(ring, new_version(name, KeyState.PENDING, clock.now(), random, key_bytes))

    return file.change(added).versions[name]


def wait_until_known(
    catalog: Catalog, version: KeyVersion, clock: Clock, seconds: float, tell: Callable[[Sequence[str]], None]
) -> None:
    """Return when every live process reports that it can read the version; `tell` hears who is awaited.

    Raises ProcessesBehindError after `seconds`, and CatalogUnavailableError; the version stays pending then.
    """
    give_up = clock.monotonic() + seconds
    said: list[str] = []
    while behind := _list_behind(catalog, version):
        if clock.monotonic() >= give_up:
            raise ProcessesBehindError(
                f"{len(behind)} processes do not know version {version.name!r} yet: {', '.join(behind[:5])}.",
                next_step="It stays pending, which harms nobody. See that these processes read this file, or end them, "
                "and run the command again.",
            )
        if behind != said:
            tell(behind)
            said = behind
        clock.sleep(SECONDS_BETWEEN_LOOKS)


def promote(file: EnvCryptoFile, name: str, clock: Clock) -> KeyRing:
    """Have new tokens made under a version from now on; the one before it only reads."""
    return file.change(lambda ring: promoted(ring, name, clock.now()))


def _list_behind(catalog: Catalog, version: KeyVersion) -> list[str]:
    with catalog.read() as session:
        return list_not_knowing(session, version)
