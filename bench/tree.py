"""A mixed tree to back up: programs, libraries, documents, packages, logs, random files and many small ones."""

import os
import random
import shutil
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SMALL_FILES = 20_000
LOG_BYTES = 150 << 20
RANDOM_FILES = 40
RANDOM_BYTES = 4 << 20


SEED = 20261121  # for data to compress, not a secret
NEW_BYTES = 4096


def make_tree(root: Path, size: int) -> tuple[int, int]:
    """Fill root with about size bytes, the same on every call on one machine; return its files and bytes."""
    root.mkdir(parents=True)
    chance = random.Random(SEED)
    _make_logs(root / "logs", chance, min(LOG_BYTES, size // 10))
    _make_random(root / "random", chance, size)
    _make_small(root / "small", chance, min(SMALL_FILES, size // 75_000))
    _copy_system(root, size)
    return count(root)


def make_small_files(root: Path, files: int) -> tuple[int, int]:
    """Fill root with files of 4 KB each, half of them text that compresses; return their number and bytes."""
    chance = random.Random(SEED)
    for number in range(files):
        path = root / f"{number % 500:03}" / f"{number}.dat"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(2048) + (f"record {number} ".encode() * 300)[:2048])
    return count(root)


@contextmanager
def one_percent_changed(root: Path) -> Iterator[None]:
    """Give one file in a hundred other bytes at a random place until the block ends, and then the old ones again."""
    chance = random.Random(SEED)
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    chosen = chance.sample(files, max(1, len(files) // 100))
    before = {path: path.read_bytes() for path in chosen}
    for path, old in before.items():
        new = chance.randbytes(min(NEW_BYTES, max(16, len(old) // 10)))
        at = chance.randrange(len(old) + 1)
        path.chmod(path.stat().st_mode | 0o200)
        path.write_bytes(old[:at] + new + old[at + len(new) :])
    try:
        yield
    finally:
        for path, old in before.items():
            path.write_bytes(old)


def count(root: Path) -> tuple[int, int]:
    """Return how many regular files there are below root, and their bytes."""
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return len(files), sum(path.stat().st_size for path in files)


def _make_logs(folder: Path, chance: random.Random, size: int) -> None:
    folder.mkdir()
    for number in range(8):
        with (folder / f"service-{number}.log").open("w") as log:
            while log.tell() < size // 8:
                log.write(_log_line(chance))


def _log_line(chance: random.Random) -> str:
    path = chance.choice(["/v1/backups", "/v1/restores", "/v1/jobs", "/health/live"])
    when = f"2026-11-{chance.randrange(1, 29):02}T{chance.randrange(24):02}:{chance.randrange(60):02}"
    return f"{when} INFO request={chance.getrandbits(64):016x} {path} 200 {chance.randrange(1, 900)}ms\n"


def _make_random(folder: Path, chance: random.Random, size: int) -> None:
    folder.mkdir()
    for number in range(RANDOM_FILES):
        (folder / f"{number}.bin").write_bytes(chance.randbytes(min(RANDOM_BYTES, size // (10 * RANDOM_FILES))))


def _make_small(folder: Path, chance: random.Random, files: int) -> None:
    for number in range(files):
        path = folder / f"{number % 200:03}" / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f'{{"id": {number}, "token": "{chance.getrandbits(128):032x}", "note": "{"x" * (number % 700)}"}}'
        )


def _copy_system(root: Path, size: int) -> None:
    left = size - count(root)[1]
    for origin in (Path(sysconfig.get_paths()["purelib"]), Path("/usr/share"), Path("/usr/bin"), Path("/usr/lib")):
        if left > 0:
            left -= _copy(origin, root / "system" / origin.name, left)


def _copy(origin: Path, target: Path, most: int) -> int:
    copied = 0
    for folder, folders, names in os.walk(origin):
        folders.sort()
        for name in sorted(names):
            source = Path(folder, name)
            if copied >= most:
                return copied
            if source.is_symlink() or not source.is_file() or not os.access(source, os.R_OK):
                continue
            place = target / source.relative_to(origin)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)
            copied += source.stat().st_size
    return copied
