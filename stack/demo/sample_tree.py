"""A sample directory with the awkward things real ones have, and a way to compare two of them byte by byte."""

import errno
import hashlib
import os
import random
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SMALL_FILES = 1500
WORDS = (b"region", b"backup", b"restore", b"key", b"ledger", b"lease", b"fence", b"pack", b"manifest", b"\n")
LONG_AGO_NS = 1_234_567_890_123_456_789


def make_tree(root: Path) -> None:
    """Fill a new directory, with the same content every time."""
    chance = random.Random(42)  # noqa: S311 - sample data that is the same in every run, not a secret
    root.mkdir()
    for number in range(SMALL_FILES):
        _write_text(root / f"documents/{number % 40:02}/{number % 7}/note {number}.txt", chance)
    for number in range(12):
        _write(root / "photos" / f"image-{number}.raw", chance.randbytes(chance.randrange(1 << 18, 3 << 20)))
    _write_awkward(root)
    _set_times(root)


def _write_text(path: Path, chance: random.Random) -> None:
    _write(path, b" ".join(chance.choices(WORDS, k=chance.randrange(0, 3000))))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_awkward(root: Path) -> None:
    odd = root / "odd"
    odd.mkdir()
    (odd / "empty directory").mkdir()
    (odd / "empty").touch()
    _write(odd / "line\nbreak and 'quotes' \"both\"", b"odd name")
    _write(odd / ("very long name " + "x" * 230), b"long name")
    _write(odd / "smörgåsbord 🗝", b"unicode")
    Path(os.fsdecode(os.fsencode(odd) + b"/not \xff utf-8")).write_bytes(b"not utf-8")
    _write(odd / "secret.key", b"owner only")
    (odd / "secret.key").chmod(0o400)
    (odd / "run.sh").write_text("#!/bin/sh\n")
    (odd / "run.sh").chmod(0o6755)
    os.link(odd / "run.sh", odd / "same file, other name")
    (odd / "link").symlink_to("run.sh")
    (odd / "broken link").symlink_to("../nowhere/at all")
    os.mkfifo(odd / "pipe")
    _write_sparse(odd / "sparse.img")
    _set_attribute(odd / "run.sh")


def _write_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"begin")
        file.seek(18 << 20)
        file.write(b"middle")
        file.truncate(24 << 20)


def _set_attribute(path: Path) -> None:
    try:
        os.setxattr(path, "user.strongroom.demo", b"extended \x00 attribute")
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise


def _set_times(root: Path) -> None:
    for number, path in enumerate(sorted(_below(root), reverse=True)):
        os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS + number), follow_symlinks=False)


def _below(root: Path) -> Iterator[Path]:
    for directory, folders, files in os.walk(root):
        yield from (Path(directory, name) for name in (*folders, *files))


@dataclass(frozen=True, slots=True)
class Look:
    """Everything about one entry that a restore has to bring back; `blocks` tells a hole from zeros."""

    mode: int
    owner: tuple[int, int]
    mtime_ns: int
    links: int
    size: int
    content: str
    attributes: tuple[tuple[str, bytes], ...]

    @classmethod
    def at(cls, path: Path) -> "Look":
        """Look at an entry without following it."""
        found = path.lstat()
        plain = stat.S_ISREG(found.st_mode)
        return cls(
            mode=found.st_mode,
            owner=(found.st_uid, found.st_gid),
            mtime_ns=found.st_mtime_ns,
            links=found.st_nlink if plain else 1,
            size=found.st_size if plain else 0,
            content=_content(path, found.st_mode),
            attributes=_attributes(path),
        )


def _content(path: Path, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return os.fsencode(path.readlink()).hex()
    if not stat.S_ISREG(mode):
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _attributes(path: Path) -> tuple[tuple[str, bytes], ...]:
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return ()
        raise
    return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)


def looks(root: Path) -> dict[bytes, Look]:
    """Return how every entry below a directory looks, by its path."""
    return {os.fsencode(path.relative_to(root)): Look.at(path) for path in _below(root)}


def allocated(root: Path) -> int:
    """Return the bytes that the files of a directory take on the disk; holes take none."""
    return sum(path.lstat().st_blocks * 512 for path in _below(root))


def differences(before: Path, after: Path) -> tuple[int, list[str]]:
    """Compare two directories; return how many entries were compared, and every difference in words."""
    left, right = looks(before), looks(after)
    found = [f"{os.fsdecode(path)!r} is missing" for path in sorted(left.keys() - right.keys())]
    found += [f"{os.fsdecode(path)!r} was not there before" for path in sorted(right.keys() - left.keys())]
    both = sorted(left.keys() & right.keys())
    found += [
        f"{os.fsdecode(path)!r} differs: {left[path]} {right[path]}" for path in both if left[path] != right[path]
    ]
    if allocated(after) > 2 * allocated(before):
        found.append("holes were filled")
    return len(left), found
