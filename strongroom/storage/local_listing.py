"""The files below a directory as objects, in the order an S3 bucket lists its keys."""

import os
from collections.abc import Iterator
from pathlib import Path

from strongroom.storage.keys import is_segment
from strongroom.storage.store import ObjectInfo


def list_files(root: Path, prefix: str) -> Iterator[ObjectInfo]:
    """Yield the regular files below root whose key starts with prefix, sorted by key; raises OSError.

    What appears or vanishes meanwhile may or may not be listed.
    """
    folder, _, start = prefix.rpartition("/")
    return _walk(root / folder, f"{folder}/" if folder else "", start)


def _walk(folder: Path, key_prefix: str, start: str) -> Iterator[ObjectInfo]:
    for entry in _sorted_entries(folder, start):
        key = key_prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, f"{key}/", "")
        elif entry.is_file(follow_symlinks=False) and (size := _find_size(entry)) is not None:
            yield ObjectInfo(key, size)


def _sorted_entries(folder: Path, start: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            wanted = [entry for entry in entries if entry.name.startswith(start) and is_segment(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    # A folder's keys go on after its name with a slash, and so they sort.
    return sorted(wanted, key=lambda entry: f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name)


def _find_size(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return None
