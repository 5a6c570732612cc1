"""The key file: every local key-encryption key. Who loses it, and its copy, loses every backup made under it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from strongroom.clock import RandomBytes, system_random
from strongroom.keyring.errors import KeyFileError, KeyVersionNotFoundError
from strongroom.keyring.key_file_format import Kek, KeyFileFormatError, decode_keks, encode_keks, is_kek_name, new_kek
from strongroom.keyring.private_file import NotPrivateError, locked, read_private, write_private
from strongroom.keyring.secret import SecretKey


class KeyFile:
    """A key file on disk, mode 0600; `<path>.copy` beside it always holds at least the same keys.

    It is read anew at every call, so that a rotation by another process counts at once and no key lingers in memory.
    Every method raises KeyFileError if the file is missing, open to other users or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, names: Iterable[str], random: RandomBytes = system_random) -> Self:
        """Make a key file with a fresh KEK for every name; never replaces an existing file."""
        with _reported(path), locked(path):
            if path.exists():
                raise KeyFileError(
                    f"The key file {path} exists already; it was left as it is.",
                    next_step="Use it, or choose another path. Never delete a key file while its backups matter.",
                )
            copy = path.with_name(f"{path.name}.copy")
            if copy.exists():
                raise KeyFileError(
                    f"The key file {path} is missing, but its copy {copy.name} is there; nothing was changed.",
                    next_step=f"Put the copy in its place: cp {copy} {path}",
                )
            _write(path, {_checked(name): new_kek(random) for name in names})
        return cls(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the key file after reading it once, so that a bad file is reported early."""
        key_file = cls(path)
        key_file.names()
        return key_file

    def names(self) -> tuple[str, ...]:
        """Return the names of all KEKs, sorted."""
        return tuple(sorted(_read(self.path)))

    def current_version(self, name: str) -> str:
        """Return the version that wraps now; raises KeyVersionNotFoundError for an unknown name."""
        return self._kek(name).current

    def get_key(self, name: str, version: str) -> SecretKey:
        """Return one version of a KEK; raises KeyVersionNotFoundError."""
        versions = self._kek(name).versions
        if version not in versions:
            raise KeyVersionNotFoundError(
                f"The key file {self.path} has no version {version[:64]!r} of key {name!r}.",
                next_step="Put back the newest copy of the key file; a later rotation is missing from this one.",
            )
        return versions[version]

    def add(self, name: str, random: RandomBytes = system_random) -> str:
        """Make a KEK under a new name and return its version; raises KeyFileError if the name is taken."""

        def added(keks: dict[str, Kek]) -> Kek:
            if name in keks:
                raise KeyFileError(
                    f"The key file already has a key {name!r}.", next_step="Rotate it, or choose a new name."
                )
            return new_kek(random)

        return self._change(_checked(name), added)

    def rotate(self, name: str, random: RandomBytes = system_random) -> str:
        """Make a fresh version of a KEK, current from now on, and return its name; raises KeyVersionNotFoundError."""
        return self._change(name, lambda keks: _get(keks, name, self.path).rotated(random))

    def _change(self, name: str, make: Callable[[dict[str, Kek]], Kek]) -> str:
        with _reported(self.path), locked(self.path):
            keks = _read(self.path)
            keks[name] = make(keks)
            _write(self.path, keks)
            return keks[name].current

    def _kek(self, name: str) -> Kek:
        return _get(_read(self.path), name, self.path)


def _get(keks: dict[str, Kek], name: str, path: Path) -> Kek:
    if name not in keks:
        raise KeyVersionNotFoundError(
            f"The key file {path} has no key {name!r}.",
            next_step=f"It has: {', '.join(sorted(keks)) or 'none'}. Correct `kek.key` of the region, or add the key.",
        )
    return keks[name]


def _read(path: Path) -> dict[str, Kek]:
    with _reported(path):
        try:
            return decode_keks(read_private(path))
        except KeyFileFormatError as error:
            raise KeyFileError(
                f"{path} is not a sound key file: {error}.",
                next_step=f"Put back the copy beside it, {path.name}.copy, or your own copy. Change nothing by hand.",
            ) from None


def _write(path: Path, keks: dict[str, Kek]) -> None:
    content = encode_keks(keks)
    decode_keks(content)
    # The copy first: a key must never be in use that exists only once.
    write_private(path.with_name(f"{path.name}.copy"), content)
    write_private(path, content)


def _checked(name: str) -> str:
    if not is_kek_name(name):
        raise KeyFileError(
            f"{name[:64]!r} cannot name a key.",
            next_step="Use 1 to 64 letters, digits, '.', '_' and '-', starting with a letter or a digit.",
        )
    return name


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except NotPrivateError as error:
        raise KeyFileError(
            f"The key file {path} is refused: {error.args[0]}.",
            next_step=f"Run `chmod 600 {path}`; if others could read it, rotate its keys.",
        ) from None
    except FileNotFoundError as error:
        raise KeyFileError(
            f"The key file {path} does not exist.",
            next_step="Run `strongroom init` on a new installation; otherwise put back your copy of the file.",
        ) from error
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be used: {error.strerror}.",
            next_step="Check the disk and that the user Strongroom runs as owns the file and its directory.",
        ) from error
