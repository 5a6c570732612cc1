"""Names in a directory tree: objects put at their place, folders made for them and removed when empty."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from strongroom.storage.incoming import sync_directory

# A writer makes an object's folders and then the object; a deleter may remove an empty folder in between.
_ATTEMPTS = 16


def place_file(root: Path, target: Path, move: Callable[[Path], None], *, neighbour: Path | None = None) -> None:
    """Make the folders between root and target, call move(target) and make the names durable; root is never made.

    `neighbour` is a file that was placed before: as long as it is there, its folder has been kept and is durable.
    Raises OSError: FileNotFoundError where root is gone, else what move raises.
    """
    for _ in range(_ATTEMPTS - 1):
        with suppress(FileNotFoundError):
            _make_folders(root, target.parent)
            move(target)
            break
    else:
        _make_folders(root, target.parent)
        move(target)
    for folder in _upwards(root, target.parent):
        _sync(root, folder)
        if neighbour is not None and neighbour.parent == folder and neighbour.exists():
            return


def remove_file(root: Path, target: Path) -> None:
    """Remove target, if it is there, and the folders below root that are empty without it; raises OSError."""
    try:
        target.unlink()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return
    for folder in _upwards(root, target.parent):
        _sync(root, folder)
        if folder == root or not _removed_empty(folder):
            return


def _make_folders(root: Path, folder: Path) -> None:
    current = root
    for name in folder.relative_to(root).parts:
        current /= name
        with suppress(FileExistsError):
            current.mkdir(mode=0o700)


def _upwards(root: Path, folder: Path) -> Iterator[Path]:
    while folder != root:
        yield folder
        folder = folder.parent
    yield root


def _sync(root: Path, folder: Path) -> None:
    try:
        sync_directory(folder)
    except FileNotFoundError:
        # Another deleter may have removed an emptied folder, but never root.
        if folder == root:
            raise


def _removed_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True
