"""What a walk asks of the processes that help it, and what a lookout tells it."""

import msgspec


class Task(msgspec.Struct, frozen=True):
    """What to walk: the descriptor of the root, patterns to exclude and include, and whether mount points end it."""

    root: int
    exclude: tuple[str, ...]
    include: tuple[str, ...]
    one_file_system: bool


class Sighting(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A name, and what the file system said about it; named like the fields of `os.stat_result`."""

    name: bytes
    st_mode: int
    st_ino: int = 0
    st_dev: int = 0
    st_nlink: int = 0
    st_uid: int = 0
    st_gid: int = 0
    st_rdev: int = 0
    st_size: int = 0
    st_mtime_ns: int = 0
    st_ctime_ns: int = 0
