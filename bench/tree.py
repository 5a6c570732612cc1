"""A mixed tree to back up: programs, libraries, documents, packages, logs, random files and many small ones."""

import os
import random
import shutil
import sysconfig
from pathlib import Path

SMALL_FILES = 20_000
LOG_BYTES = 150 << 20
RANDOM_FILES = 40
RANDOM_BYTES = 4 << 20


def make_tree(root: Path, size: int) -> tuple[int, int]:
    """Fill root with about size bytes, the same on every call on one machine; return its files and bytes."""
    root.mkdir(parents=True)
    chance = random.Random(20261121)  # data to compress, not a secret
    _make_logs(root / "logs", chance, min(LOG_BYTES, size // 10))
    _make_random(root / "random", chance, size)
    _make_small(root / "small", chance)
    _copy_system(root, size)
    return count(root)


def change_tree(root: Path, seed: int) -> int:
    """Overwrite up to 4 KiB in the middle of one regular file in a hundred; return how many files that were."""
    chance = random.Random(seed)  # data to compress, not a secret
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    chosen = random.Random(len(files)).sample(files, max(1, len(files) // 100))  # the same ones for every tool
    for path in chosen:
        path.chmod(path.stat().st_mode | 0o200)
        with path.open("r+b") as file:
            size = path.stat().st_size
            file.seek(max(0, size // 2 - 2048))
            file.write(chance.randbytes(min(4096, max(1, size - size // 2))))
    return len(chosen)


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


def _make_small(folder: Path, chance: random.Random) -> None:
    for number in range(SMALL_FILES):
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
