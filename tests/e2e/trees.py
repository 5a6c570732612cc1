"""Trees with everything a file system can hold, and what must be equal after a restore."""

import os
import random
import stat
from pathlib import Path
from typing import Any


def make_tree(root: Path, *, mib: int) -> None:
    """Make a directory with odd names, links, holes, attributes and `mib` MiB of bytes that do not compress."""
    chance = random.Random(7)
    root.mkdir()
    (root / "empty").write_bytes(b"")
    (root / "empty directory").mkdir()
    (root / "ação – 備份.txt").write_text("names in any script\n" * 50)
    Path(os.fsdecode(bytes(root) + b"/not utf-8 \xff\xfe")).write_bytes(b"raw name")
    (root / "link").symlink_to("ação – 備份.txt")
    (root / "dangling").symlink_to("/nowhere/at/all")
    (root / "hard").write_bytes(b"one inode, two names")
    (root / "again").hardlink_to(root / "hard")
    os.mkfifo(root / "fifo")
    _make_sparse(root / "sparse")
    _make_many(root / "many", chance)
    _make_big(root / "big", chance, mib)
    (root / "script.sh").write_text("#!/bin/sh\n")
    (root / "script.sh").chmod(0o4755)
    os.setxattr(root / "script.sh", "user.origin", b"\x00binary\xff")
    os.utime(root / "script.sh", ns=(1_600_000_000_123_456_789, 1_500_000_000_987_654_321))
    os.utime(root / "empty directory", ns=(1_600_000_000_000_000_001, 1_400_000_000_000_000_007))


def _make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"head")
        file.seek(8 << 20)
        file.write(b"tail")
        file.truncate(16 << 20)


def _make_many(folder: Path, chance: random.Random) -> None:
    for number in range(6000):
        path = folder / f"{number % 20:02}" / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"id": {number}, "key": "{chance.getrandbits(64):x}"}}' * (number % 40))


def _make_big(folder: Path, chance: random.Random, mib: int) -> None:
    folder.mkdir()
    for number in range(max(1, mib // 8)):
        (folder / f"{number}.bin").write_bytes(chance.randbytes(min(mib, 8) << 20))


def picture(root: Path) -> dict[bytes, Any]:
    """Return everything that a restore must bring back, by relative path: content and metadata."""
    found = {os.fsencode(path.relative_to(root)): _facts(path) for path in [root, *root.rglob("*")]}
    return _with_link_groups(found)


def _facts(path: Path) -> dict[str, Any]:
    status = path.lstat()
    facts: dict[str, Any] = {
        "mode": status.st_mode,
        "owner": (status.st_uid, status.st_gid),
        "mtime": status.st_mtime_ns,
        "inode": status.st_ino if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode) else None,
        "xattrs": {name: os.getxattr(path, name, follow_symlinks=False) for name in _attributes(path)},
    }
    if stat.S_ISLNK(status.st_mode):
        facts["target"] = path.readlink()
    if stat.S_ISREG(status.st_mode):
        facts["content"] = path.read_bytes()
        facts["is sparse"] = status.st_blocks * 512 < status.st_size // 2
    return facts


def _attributes(path: Path) -> list[str]:
    return os.listxattr(path, follow_symlinks=False)


def _with_link_groups(found: dict[bytes, Any]) -> dict[bytes, Any]:
    """Replace inode numbers, which differ between trees, by the first name that has the same one."""
    first: dict[int, bytes] = {}
    for path in sorted(found):
        inode = found[path].pop("inode")
        if inode is not None:
            found[path]["same file as"] = first.setdefault(inode, path)
    return found
