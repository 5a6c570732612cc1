"""A region in a directory: what the contract does not say."""

import errno
import fcntl
import os
import resource
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from strongroom.storage.errors import (
    ChecksumMismatchError,
    InvalidKeyError,
    StoreDeniedError,
    StoreFullError,
    StoreUnavailableError,
    UnsafeStoreError,
)
from strongroom.storage.incoming import incoming_file, sweep_incoming
from strongroom.storage.local import INCOMING, MARKER, LocalStore
from strongroom.storage.store import Evidence, Store
from strongroom.storage.throttle import unlimited
from tests.unit.storage.store_contract import create, digest, keys, put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "region"


@pytest.fixture
def store(root: Path) -> LocalStore:
    store = LocalStore("home", root)
    store.prepare()
    return store


EVERY_CALL: list[Callable[[Store], object]] = [
    lambda store: put(store, "key"),
    lambda store: create(store, "key"),
    lambda store: store.get("key"),
    lambda store: store.get_range("key", 0, 1),
    lambda store: store.find("key"),
    lambda store: list(store.list("")),
    lambda store: store.delete("key"),
    lambda store: store.confirm("key", size=0, sha256=digest(b"")),
    lambda store: store.probe(),
]


@pytest.mark.parametrize("call", EVERY_CALL)
def test_a_region_whose_directory_is_gone_is_down_and_not_made_anew(
    store: LocalStore, root: Path, call: Callable[[Store], object]
) -> None:
    put(store, "key")
    shutil.rmtree(root)
    with pytest.raises(StoreUnavailableError, match="missing"):
        call(store)
    assert not root.exists()


@pytest.mark.parametrize("call", EVERY_CALL)
def test_an_empty_mount_point_is_down_and_stays_empty(
    store: LocalStore, root: Path, call: Callable[[Store], object]
) -> None:
    shutil.rmtree(root)
    root.mkdir()
    with pytest.raises(StoreUnavailableError, match="is not a region"):
        call(store)
    assert list(root.iterdir()) == []


def test_a_region_that_vanishes_during_a_listing_does_not_look_smaller(store: LocalStore, root: Path) -> None:
    for key in ("a/1", "b/1", "c/1"):
        put(store, key)
    listing = store.list("")
    next(listing)
    shutil.rmtree(root)
    with pytest.raises(StoreUnavailableError):
        list(listing)


def test_a_region_that_came_back_works_again(store: LocalStore, root: Path) -> None:
    put(store, "key")
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(StoreUnavailableError):
        store.get("key")
    root.with_name("elsewhere").rename(root)
    assert store.get("key") == b"body"


def test_preparing_twice_keeps_what_is_there(store: LocalStore) -> None:
    put(store, "key")
    store.prepare()
    assert store.get("key") == b"body"


def test_files_and_folders_are_private(store: LocalStore, root: Path) -> None:
    put(store, "p/00/pack")
    assert stat.S_IMODE((root / "p/00/pack").stat().st_mode) == 0o600
    for folder in (root, root / "p", root / "p/00", root / INCOMING):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_object_is_a_file_with_its_bytes_and_nothing_else(store: LocalStore, root: Path) -> None:
    put(store, "p/00/pack", b"bytes")
    assert (root / "p/00/pack").read_bytes() == b"bytes"
    assert sorted(path.name for path in root.iterdir()) == sorted([INCOMING, MARKER, "p"])
    assert list((root / INCOMING).iterdir()) == []


def test_empty_folders_go_with_their_last_object(store: LocalStore, root: Path) -> None:
    put(store, "p/00/session/pack")
    store.delete("p/00/session/pack")
    assert not (root / "p").exists()


def test_the_store_vouches_by_its_own_checksum(store: LocalStore) -> None:
    put(store, "key")
    assert store.confirm("key", size=4, sha256=digest(b"body")) is Evidence.CHECKSUM
    assert store.probe().evidence is Evidence.CHECKSUM


def test_rotten_bytes_are_not_confirmed(store: LocalStore, root: Path) -> None:
    put(store, "key", b"sound")
    (root / "key").write_bytes(b"rotte")
    with pytest.raises(ChecksumMismatchError, match="SHA-256"):
        store.confirm("key", size=5, sha256=digest(b"sound"))


def test_foreign_files_are_no_objects(store: LocalStore, root: Path) -> None:
    put(store, "key")
    (root / "not a key~").write_bytes(b"x")
    (root / "link").symlink_to(root / "key")
    os.mkfifo(root / "pipe")
    assert keys(store.list("")) == ["key"]
    assert store.find("link") is None
    assert store.find("pipe") is None


def test_an_object_cannot_be_below_another(store: LocalStore) -> None:
    put(store, "object")
    with pytest.raises(InvalidKeyError):
        put(store, "object/below")
    with pytest.raises(InvalidKeyError):
        create(store, "object/below/it")
    assert store.find("object/below") is None
    store.delete("object/below")


def test_an_object_cannot_replace_a_folder(store: LocalStore) -> None:
    put(store, "folder/object")
    with pytest.raises(InvalidKeyError):
        put(store, "folder")
    assert store.get("folder/object") == b"body"


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("write", [put, create])
def test_of_an_object_without_room_nothing_is_kept(
    store: LocalStore, root: Path, write: Callable[[Store, str, bytes], None]
) -> None:
    with _largest_file(1 << 20), pytest.raises(StoreFullError, match="no room"):
        write(store, "p/00/pack", bytes(2 << 20))
    assert store.find("p/00/pack") is None
    assert list((root / INCOMING).iterdir()) == []


def _failing(number: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StoreFullError),
        (errno.EDQUOT, StoreFullError),
        (errno.EACCES, StoreDeniedError),
        (errno.EROFS, StoreDeniedError),
        (errno.EIO, StoreUnavailableError),
        (errno.ESTALE, StoreUnavailableError),
    ],
)
def test_a_failing_disk_has_its_own_error(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception]
) -> None:
    put(store, "key", b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _failing(number))
        with pytest.raises(expected):
            put(store, "key", b"new")
    assert store.get("key") == b"old"


def test_a_file_system_without_hard_links_is_unsafe(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "hardlink_to", _failing(errno.EPERM))
    with pytest.raises(UnsafeStoreError, match="hard links"):
        store.probe()


def test_what_a_dead_writer_left_is_swept_and_a_live_one_is_spared(store: LocalStore, root: Path) -> None:
    put(store, "first")
    (root / INCOMING / "left").write_bytes(b"half an object")
    with incoming_file(root / INCOMING, b"being written", unlimited().upload) as live:
        put(LocalStore("home", root), "second")
        assert list((root / INCOMING).iterdir()) == [live]


def test_what_a_dead_writer_left_is_swept_on_nfs_too(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def as_nfs_does(descriptor: int, operation: int) -> None:
        is_written = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
        if operation & fcntl.LOCK_EX and not is_written:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", as_nfs_does)
    (root / INCOMING).mkdir()
    (root / INCOMING / "left").write_bytes(b"half an object")
    put(store, "key")
    assert list((root / INCOMING).iterdir()) == []


def test_a_folder_that_a_deleter_takes_away_while_those_below_it_are_made_is_made_again(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.mkdir
    taken_away: list[Path] = []

    def mkdir_late(folder: Path, mode: int = 0o777, **options: bool) -> None:
        if folder.name == "inner" and not taken_away:
            taken_away.append(folder.parent)
            folder.parent.rmdir()
        real(folder, mode, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir_late)
    put(store, "outer/inner/key")
    assert taken_away
    assert store.get("outer/inner/key") == b"body"


def test_a_sweep_of_nothing_is_no_error(tmp_path: Path) -> None:
    sweep_incoming(tmp_path / "absent")


def test_a_region_that_vanishes_while_an_object_is_written_is_down(store: LocalStore, root: Path) -> None:
    with pytest.raises(StoreUnavailableError), _vanishing_when_named(root):
        create(store, "p/00/pack")
    assert not root.exists()


@contextmanager
def _vanishing_when_named(root: Path) -> Iterator[None]:
    """Remove the region when the object is about to get its name."""
    with pytest.MonkeyPatch.context() as patch:
        real = Path.hardlink_to

        def vanish_first(target: Path, written: Path) -> None:
            shutil.rmtree(root)
            real(target, written)

        patch.setattr(Path, "hardlink_to", vanish_first)
        yield


def test_writing_gives_the_evidence_that_a_confirmation_would(store: LocalStore) -> None:
    assert store.put("key", b"body", sha256=digest(b"body")) is Evidence.CHECKSUM


def test_an_object_is_durable_beside_another_whose_folder_was_emptied_meanwhile(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "p/00/session/one")
    synced: list[Path] = []
    monkeypatch.setattr("strongroom.storage.placing.sync_directory", synced.append)
    put(store, "p/00/session/two")
    assert synced == [root / "p/00/session"]
    store.delete("p/00/session/one")
    store.delete("p/00/session/two")
    synced.clear()
    put(store, "p/00/session/three")
    assert synced == [root / "p/00/session", root / "p/00", root / "p", root]
