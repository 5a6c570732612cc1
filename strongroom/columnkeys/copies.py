"""The sealed copies beside a file of column keys: `<path>.backup_YYYYMMDD_HHMMSS`, and which of them may go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from strongroom.clock import RandomBytes, system_random
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.errors import KeyRingFileError
from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.columnkeys.sealed_copy import SealedCopy, is_copy, open_copy, read_copy, seal_copy
from strongroom.errors import StrongroomError
from strongroom.keyring.private_file import NotPrivateError, read_private, write_private
from strongroom.keyring.provider import KekProvider

_MARK = ".backup_"


@dataclass(frozen=True, slots=True)
class StoredCopy:
    """A sealed copy on disk."""

    path: Path
    says: SealedCopy


def write_copy(
    file: EnvCryptoFile, keys: Sequence[KekProvider], now: datetime, random: RandomBytes = system_random
) -> Path:
    """Seal the file as it is to each of `keys`, read the copy back from disk, and return its path.

    Raises as the file does when it is read, and KeyRingFileError.
    """
    content = file.read_bytes()
    ring = file.parse(content)
    path = _free_path(file.path, now)
    try:
        write_private(path, seal_copy(content, ring, now, keys, random))
    except OSError as error:
        raise KeyRingFileError(
            f"The copy {path} cannot be written: {error.strerror}.", next_step="Check the folder and the disk."
        ) from None
    verify_copy(path, ring)
    return path


def verify_copy(path: Path, ring: KeyRing) -> None:
    """Check that a copy on disk is of this ring, as far as can be seen without its key; raises SealedCopyError."""
    says = read_copy(read_copy_file(path))
    if says.ring != ring.fingerprint():
        raise KeyRingFileError(f"The copy {path} is not of this ring.", next_step="Report this as a fault.")


def open_copy_file(path: Path, file: EnvCryptoFile, keys: Sequence[KekProvider]) -> tuple[KeyRing, bytes]:
    """Return the verified ring in a copy, and its bytes; a plain copy made by hand (`cp`) is read too.

    Raises KeyRingFileError, SealedCopyError, WrongKeyError, and as the file does for what is in it.
    """
    raw = read_copy_file(path)
    content = open_copy(raw, keys) if is_copy(raw) else raw
    return EnvCryptoFile(path, file.wrapping).parse(content), content


def list_copies(file: EnvCryptoFile) -> list[StoredCopy]:
    """Return the sealed copies beside the file, oldest first; what is no copy of ours is passed over."""
    found = []
    for path in sorted(file.path.parent.glob(f"{file.path.name}{_MARK}*")):
        try:
            found.append(StoredCopy(path, read_copy(read_copy_file(path))))
        except StrongroomError:
            continue
    return sorted(found, key=lambda copy: (copy.says.made, copy.path.name))


def plan_removal(
    copies: Sequence[StoredCopy], ring: KeyRing, keep: int, now: datetime, grace: timedelta
) -> list[StoredCopy]:
    """Decide which copies may go: all but the newest `keep`, and none that is a destroyed key's last copy in its grace.

    The grace time of a key begins when it was destroyed.
    """
    staying = list(copies[len(copies) - keep :]) if keep else []
    leaving = [copy for copy in copies if copy not in staying]
    for name, version in ring.versions.items():
        graced = version.changed is None or version.changed + grace > now
        if version.state is KeyState.DESTROYED and graced and not any(name in copy.says.holds for copy in staying):
            newest = [copy for copy in leaving if name in copy.says.holds][-1:]
            staying += newest
            leaving = [copy for copy in leaving if copy not in newest]
    return leaving


def read_copy_file(path: Path) -> bytes:
    """Return the bytes of a copy, a file of mode 600; raises KeyRingFileError."""
    try:
        return read_private(path)
    except NotPrivateError as error:
        raise KeyRingFileError(f"{path} is refused: {error}.", next_step=f"Run `chmod 600 {path}`.") from None
    except OSError as error:
        raise KeyRingFileError(
            f"{path} cannot be read: {error.strerror}.", next_step="List the copies: ls .env.crypto.backup_*"
        ) from None


def _free_path(path: Path, now: datetime) -> Path:
    # Two copies in one second must not replace each other.
    while True:
        wanted = path.with_name(f"{path.name}{_MARK}{now.astimezone(UTC):%Y%m%d_%H%M%S}")
        if not wanted.exists():
            return wanted
        now += timedelta(seconds=1)
