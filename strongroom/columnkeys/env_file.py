"""The file of column keys, `.env.crypto`: who loses it, and its sealed copies, loses what the columns hold."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from strongroom.columnkeys.env_ring import KeyWrapping, Origin, file_mac, read_ring, ring_values, verify_mac
from strongroom.columnkeys.env_text import Entry, EnvText, EnvTextError, mac_line, parse_env_text, render_env_text
from strongroom.columnkeys.errors import KeyRingConflictError, KeyRingFileError, KeyRingNotFoundError
from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.errors import StrongroomError
from strongroom.keyring.private_file import NotPrivateError, locked, read_private, write_private

DEFAULT_FILE = Path(".env.crypto")


@dataclass(frozen=True, slots=True)
class EnvCryptoFile:
    """A `.env.crypto` file on disk, mode 0600, alone or with its keys sealed by a key service.

    It is changed by one process at a time and replaced whole. What it said before a change stays beside it in
    `<path>.backup` as long as no key is gone from the ring; then that copy is made to follow, so that a destroyed key
    is in sealed copies only.
    """

    path: Path
    wrapping: KeyWrapping | None = None

    @property
    def previous(self) -> Path:
        """Return the file that holds what this one said before the last change."""
        return self.path.with_name(f"{self.path.name}.backup")

    @property
    def damaged(self) -> Path:
        """Return the file that holds what this one said when it could not be read any more."""
        return self.path.with_name(f"{self.path.name}.damaged")

    def exists(self) -> bool:
        """Say whether there is such a file."""
        return self.path.exists()

    def load(self) -> KeyRing:
        """Return the ring, every check done.

        Raises KeyRingNotFoundError, KeyRingFileError, KeyRingDamagedError, KeyRingInvalidError, and what the key
        service's provider raises.
        """
        return self._read()[0]

    def read_bytes(self) -> bytes:
        """Return what the file says, for a sealed copy of it; raises as `load` does."""
        with _reported(self.path):
            content = read_private(self.path)
        self._parse(content)
        return content

    def parse(self, content: bytes) -> KeyRing:
        """Return the ring that such bytes make, every check done; raises as `load` does."""
        return self._parse(content)[0]

    def create(self, ring: KeyRing, header: tuple[str, ...]) -> None:
        """Write the first ring; raises KeyRingConflictError where there is a file, or the copy of one."""
        self._verify_folder()
        with _reported(self.path), locked(self.path):
            for path in (self.path, self.previous):
                if path.exists():
                    raise KeyRingConflictError(
                        f"{path} exists already; it was left as it is.",
                        next_step="Add a version: `strongroom secrets rotate`. Or name another file with --env-file.",
                    )
            self._write(ring, EnvText({}, header))

    def change(self, edit: Callable[[KeyRing], KeyRing]) -> KeyRing:
        """Replace the ring by what `edit` makes of it, and return that; raises as `load` and `edit` do."""
        with _reported(self.path), locked(self.path):
            ring, text = self._read()
            changed = edit(ring)
            if changed != ring:
                write_private(self.previous, read_private(self.path))
                self._write(changed, text)
                self._forget_lost_keys(text, changed)
            return changed

    def restore(self, edit: Callable[[KeyRing | None], KeyRing], header: tuple[str, ...]) -> KeyRing:
        """Put what `edit` makes of the ring, None where there is none or it is damaged, in place of it; return that.

        What the file said stays beside it: in the copy before the last change, or in `<path>.damaged`.
        """
        self._verify_folder()
        with _reported(self.path), locked(self.path):
            ring, text = self._find()
            changed = edit(ring)
            if self.path.exists():
                write_private(self.previous if ring else self.damaged, self.path.read_bytes())
            self._write(changed, EnvText({}, text.header or header, text.foreign))
            return changed

    def _read(self) -> tuple[KeyRing, EnvText]:
        with _reported(self.path):
            content = read_private(self.path)
        return self._parse(content)

    def _find(self) -> tuple[KeyRing | None, EnvText]:
        try:
            return self._read()
        except StrongroomError:
            return None, EnvText({})

    def _parse(self, content: bytes) -> tuple[KeyRing, EnvText]:
        origin = Origin(str(self.path), self.wrapping)
        try:
            text = parse_env_text(content)
        except EnvTextError as error:
            raise origin.unusable(str(error)) from None
        ring = read_ring(text.values, origin)
        verify_mac(ring, text.values, content, origin)
        return ring, text

    def _verify_folder(self) -> None:
        if not self.path.parent.is_dir():
            raise KeyRingFileError(
                f"There is no folder {self.path.parent} for {self.path.name}.",
                next_step="Make the folder, open to its owner alone, or name another file with --env-file.",
            )

    def _write(self, ring: KeyRing, text: EnvText) -> None:
        values = ring_values(ring, self.wrapping, _kept(text.values, ring))
        content = render_env_text(EnvText(values, text.header, text.foreign))
        content += mac_line(file_mac(ring, content))
        # A ring that cannot be read again must not take the place of one that can.
        if self.parse(content).fingerprint() != ring.fingerprint():
            raise KeyRingFileError(
                f"The ring for {self.path} does not read back as it was written; nothing was changed.",
                next_step="Report this as a fault.",
            )
        write_private(self.path, content)

    def _forget_lost_keys(self, before: EnvText, changed: KeyRing) -> None:
        """Have the copy follow at once where it has a key that was destroyed, or in clear what is sealed now."""
        for name, text in before.values.items():
            if not name.startswith(Entry.KEY):
                continue
            gone = changed.versions[name.removeprefix(Entry.KEY)].state is KeyState.DESTROYED
            if gone or (self.wrapping is not None and ":" not in text):
                write_private(self.previous, read_private(self.path))
                return


def _kept(values: Mapping[str, str], ring: KeyRing) -> dict[str, str]:
    return {name: text for name, text in values.items() if name.partition("__")[2] in ring.versions}


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn what the file system says into the errors of a ring."""
    try:
        yield
    except NotPrivateError as error:
        raise KeyRingFileError(
            f"{path} is refused: {error}.",
            next_step=f"Make it private (`chmod 600 {path}`); if others could read it, rotate the keys as well.",
        ) from None
    except FileNotFoundError:
        raise KeyRingNotFoundError(
            f"There are no column keys in {path}.",
            next_step="Make them (`strongroom secrets generate`), name the file (--env-file), or put back a backup.",
        ) from None
    except OSError as error:
        raise KeyRingFileError(
            f"{path} cannot be used: {error.strerror}.",
            next_step="Check who owns the file and its folder, and whether there is space.",
        ) from None
