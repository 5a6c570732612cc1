"""A restored tree is the tree that was backed up, and nothing outside the target is touched."""

import os
import random
import socket
import stat
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from strongroom.sources.errors import (
    IncompleteRestoreError,
    TargetConflictError,
    TargetFullError,
    TargetNotEmptyError,
    TargetNotWritableError,
    UnsafePathError,
)
from strongroom.sources.files.target import FilesTarget
from strongroom.tree.content import ProblemKind
from strongroom.tree.entry import Entry, EntryType, Run
from tests.unit.sources.trees import Backup, access_control_list, announce, picture
from tests.unit.sources.unprivileged import open_to_nobody, unprivileged

MIB = 1 << 20


def fill(root):
    """Make one of everything."""
    (root / "docs" / "deep" / "er").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "docs" / "a.txt").write_text("hello\n")
    (root / "docs" / "deep" / "b.bin").write_bytes(random.Random(1).randbytes(300_000))
    (root / "docs" / "nothing").touch()
    (root / os.fsdecode(b"caf\xe9\n")).write_bytes(b"latin")
    (root / "docs" / "deep" / "er" / "c").hardlink_to(root / "docs" / "a.txt")
    (root / "link").symlink_to("docs/a.txt")
    (root / "dangling").symlink_to("/no/such/\N{SNOWMAN}")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    (root / "zfifo").hardlink_to(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(root / "socket"))
    with (root / "sparse").open("wb") as file:
        file.seek(3 * MIB)
        file.write(b"x" * 5000)
        file.truncate(16 * MIB)
    with (root / "hollow").open("wb") as file:
        file.truncate(MIB)
    set_metadata(root)


def set_metadata(root):
    os.setxattr(root / "docs" / "a.txt", "user.colour", b"\x00blue")
    os.setxattr(root / "docs", "user.colour", b"red")
    os.setxattr(root / "docs" / "deep" / "b.bin", "system.posix_acl_access", access_control_list())
    os.setxattr(root / "docs" / "deep", "system.posix_acl_default", access_control_list())
    (root / "docs" / "nothing").chmod(0o6711)
    (root / "empty").chmod(0o3777)
    (root / "docs" / "deep").chmod(0o555)
    (root / "fifo").chmod(0o640)
    for number, path in enumerate(sorted(root.rglob("*"), reverse=True)):
        os.utime(path, ns=(1, 1_600_000_000_123_456_789 + number * 1_000_000_001), follow_symlinks=False)
    os.utime(root, ns=(1, -5_000_000_001))


def add_what_only_root_can_make(root):
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.chown(root / "docs" / "nothing", 1234, 5678)
    (root / "docs" / "nothing").chmod(0o6711)
    os.chown(root / "link", 1234, 5678, follow_symlinks=False)
    capability = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
    os.setxattr(root / "docs" / "a.txt", "security.capability", capability)
    os.setxattr(root / "dangling", "trusted.colour", b"grey", follow_symlinks=False)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "source"
    root.mkdir()
    fill(root)
    if os.geteuid() == 0:
        add_what_only_root_can_make(root)
    return root


def test_a_restored_tree_is_the_same_in_everything(tree, tmp_path):
    assert Backup(tree).restore(tmp_path / "target") == []

    assert picture(tmp_path / "target") == picture(tree)


def test_holes_take_no_room_after_a_restore_either(tree, tmp_path):
    Backup(tree).restore(tmp_path / "target")

    used = {name: (tmp_path / "target" / name).stat().st_blocks * 512 for name in ("sparse", "hollow")}
    assert used["sparse"] < MIB
    assert used["hollow"] == 0


def test_pieces_may_come_in_any_order_and_interleaved(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for number in range(40):
        (source / f"{number:02}").write_bytes(random.Random(number).randbytes(5_000))

    def scattered(pieces):
        small = [
            (path, offset + at, data[at : at + 700]) for path, offset, data in pieces for at in range(0, len(data), 700)
        ]
        random.Random(7).shuffle(small)
        return small

    Backup(source).restore(tmp_path / "target", arrange=scattered)

    assert picture(tmp_path / "target") == picture(source)


def test_an_absent_target_is_made_with_its_parents(tree, tmp_path):
    Backup(tree).restore(tmp_path / "new" / "place")

    assert picture(tmp_path / "new" / "place") == picture(tree)


def test_a_target_that_holds_something_is_refused_and_left_alone(tree, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine").write_text("keep")
    before = picture(target)

    with pytest.raises(TargetNotEmptyError, match="is not empty"):
        Backup(tree).restore(target)

    assert picture(target) == before


def test_a_fresh_file_system_counts_as_empty(tree, tmp_path):
    (tmp_path / "target" / "lost+found").mkdir(parents=True)

    assert Backup(tree).restore(tmp_path / "target") == []


@pytest.mark.parametrize(
    "make", [lambda path: path.touch(), lambda path: path.symlink_to("/tmp")], ids=["file", "link"]
)
def test_a_target_that_is_no_directory_is_refused(tree, tmp_path, make):
    make(tmp_path / "target")

    with pytest.raises(TargetConflictError, match="is not a directory"):
        Backup(tree).restore(tmp_path / "target", overwrite=True)


def test_overwriting_replaces_what_the_backup_holds_and_nothing_else(tree, tmp_path):
    target = tmp_path / "target"
    (target / "docs").mkdir(parents=True)
    (target / "docs" / "a.txt").write_text("older and longer than the other")
    (target / "docs" / "mine").write_text("keep")
    (target / "link").write_text("in the place of a link")

    Backup(tree).restore(target, overwrite=True)

    restored = picture(target)
    assert restored.pop(b"docs/mine")["content"] == b"keep"
    assert restored == picture(tree)


def test_a_restore_that_was_cut_short_is_completed_by_another(tree, tmp_path):
    backup = Backup(tree)
    with FilesTarget(tmp_path / "target", overwrite=False) as target:
        target.prepare()
        write = announce(target, backup.entries)
        path, offset, data = backup.pieces[0]
        write(path, offset, memoryview(data)[: len(data) // 2])

    backup.restore(tmp_path / "target", overwrite=True)

    assert picture(tmp_path / "target") == picture(tree)


def test_nobody_else_can_read_a_restore_before_it_is_whole(tree, tmp_path):
    backup = Backup(tree)
    (tree / "docs" / "a.txt").chmod(0o644)
    with FilesTarget(tmp_path / "target", overwrite=False) as target:
        target.prepare()
        write = announce(target, backup.entries)
        for path, offset, data in backup.pieces:
            write(path, offset, memoryview(data)[:1])
        made = [path for path in (tmp_path / "target").rglob("*") if path.is_dir() or path.name == "b.bin"]

        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in made} == {0}


def test_a_file_that_lacks_bytes_is_not_passed_off_as_restored(tree, tmp_path):
    with pytest.raises(IncompleteRestoreError, match=r"docs/a\.txt"):
        Backup(tree).restore(tmp_path / "target", arrange=lambda pieces: [p for p in pieces if p[0] != b"docs/a.txt"])


@contextmanager
def outside(tmp_path):
    """Give a directory with a file that must still be as it is in the end."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "a.txt").write_text("untouched")
    before = picture(place)
    yield place
    assert picture(place) == before


def test_a_planted_link_in_place_of_a_directory_is_not_followed(tree, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    with outside(tmp_path) as place:
        (target / "docs").symlink_to(place)
        Backup(tree).restore(target, overwrite=True)

    assert picture(target) == picture(tree)


@pytest.mark.parametrize("plant", ["symlink_to", "hardlink_to"])
def test_a_planted_link_in_place_of_a_file_is_replaced(tree, tmp_path, plant):
    target = tmp_path / "target"
    (target / "docs").mkdir(parents=True)
    with outside(tmp_path) as place:
        getattr(target / "docs" / "a.txt", plant)(place / "a.txt")
        Backup(tree).restore(target, overwrite=True)

    assert picture(target) == picture(tree)


def test_a_directory_exchanged_for_a_link_during_the_restore_leads_nowhere(tmp_path):
    source = tmp_path / "source"
    for number in range(100):
        (source / f"{number:03}").mkdir(parents=True)
        (source / f"{number:03}" / "a.txt").write_text("restored")
    backup = Backup(source)
    with outside(tmp_path) as place, FilesTarget(tmp_path / "target", overwrite=False) as target:
        target.prepare()
        write = announce(target, backup.entries)
        (tmp_path / "target" / "000").rmdir()
        (tmp_path / "target" / "000").symlink_to(place)
        for path, offset, data in backup.pieces:
            write(path, offset, memoryview(data))
        problems = target.finish()

    assert {problem.path for problem in problems} == {"000/a.txt", "000"}
    assert (tmp_path / "target" / "099" / "a.txt").read_text() == "restored"


@pytest.mark.parametrize("path", [b"..", b"../x", b"a/../../x", b".", b"a//x", b"a/./x", b"x\0y"])
def test_a_backup_cannot_name_a_path_outside_the_target(tmp_path, path):
    with outside(tmp_path), FilesTarget(tmp_path / "target", overwrite=True) as target:
        target.prepare()
        target.make(b"a", Entry(b"a", EntryType.DIRECTORY, 0o700))
        with pytest.raises(UnsafePathError):
            target.make(path, Entry(b"x", EntryType.FILE, 0o600))


def test_a_directory_that_holds_something_is_not_removed_for_a_file(tree, tmp_path):
    (tmp_path / "target" / "link" / "mine").mkdir(parents=True)

    with pytest.raises(TargetConflictError, match="link cannot be replaced"):
        Backup(tree).restore(tmp_path / "target", overwrite=True)

    assert (tmp_path / "target" / "link" / "mine").is_dir()


def test_without_roots_rights_the_owner_is_left_out_once_and_set_user_id_with_it(tree):
    if os.geteuid() != 0:
        pytest.skip("needs files of somebody else")
    backup = Backup(tree)
    with open_to_nobody() as room:
        with unprivileged():
            problems = backup.restore(room / "target")
        restored, original = picture(room / "target"), picture(tree)

    assert {(problem.kind, problem.reason) for problem in problems} == {
        (ProblemKind.METADATA, "owner not restored: Operation not permitted"),
        (ProblemKind.METADATA, "security attributes not restored: Operation not permitted"),
        (ProblemKind.METADATA, "trusted attributes not restored: Operation not permitted"),
        (ProblemKind.UNSUPPORTED, "Operation not permitted"),
    }
    assert len(problems) == 4
    assert original[b"docs/nothing"]["mode"] == "-rws--s--x"
    assert restored[b"docs/nothing"]["mode"] == "-rwx--x--x"
    assert restored[b"docs/deep/b.bin"]["xattrs"] == original[b"docs/deep/b.bin"]["xattrs"]
    assert {path: facts.get("content") for path, facts in restored.items()} == {
        path: facts.get("content") for path, facts in original.items() if path != b"null"
    }


def test_an_ordinary_user_restores_his_own_tree_in_full():
    with open_to_nobody() as room, unprivileged():
        (room / "source").mkdir()
        fill(room / "source")
        (room / "source" / "docs" / "a.txt").chmod(0o444)

        assert Backup(room / "source").restore(room / "target") == []
        assert picture(room / "target") == picture(room / "source")
        # Once more over a tree whose directories forbid it.
        assert Backup(room / "source").restore(room / "target", overwrite=True) == []
        assert picture(room / "target") == picture(room / "source")
        for place in ("source", "target"):
            (room / place / "docs" / "deep").chmod(0o755)


def test_a_place_that_may_not_be_written_is_named(tree):
    backup = Backup(tree)
    with open_to_nobody() as room, unprivileged():
        (room / "closed").mkdir(mode=0o555)
        with pytest.raises(TargetNotWritableError, match="closed/target"):
            backup.restore(room / "closed" / "target")


def test_a_full_disk_ends_the_restore_with_what_to_do(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "big").write_bytes(bytes(range(256)) * 8192)
    target.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", target], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("may not mount a small file system here")
    try:
        with pytest.raises(TargetFullError, match="no room left for big") as error:
            Backup(source).restore(target)
    finally:
        subprocess.run(["umount", target], check=True)

    assert "overwrite" in error.value.next_step


def test_files_are_written_by_several_threads_at_once(tmp_path):
    source = tmp_path / "source"
    for number in range(300):
        (source / f"{number % 90:02}" / "below").mkdir(parents=True, exist_ok=True)
        (source / f"{number % 90:02}" / "below" / f"{number}.txt").write_bytes(b"%d " % number * (number % 7))
    with (source / "holes.bin").open("wb") as file:
        for number in range(40):
            file.seek(number * 1_000_000)
            file.write(b"data" * 1024)
    backup = Backup(source)
    with FilesTarget(tmp_path / "target", overwrite=False) as target:
        target.prepare()
        write = announce(target, backup.entries)
        with ThreadPoolExecutor(4) as threads:
            written = threads.map(lambda piece: write(piece[0], piece[1], memoryview(piece[2])), backup.pieces)
            assert sum(written) == sum(len(data) for _, _, data in backup.pieces)
        problems = target.finish()

    assert problems == []
    assert picture(tmp_path / "target") == picture(source)


def test_a_very_deep_tree_is_made(tmp_path):
    depth = 1500
    entry = Entry(b"d", EntryType.DIRECTORY, 0o755, mtime_ns=1)
    paths = [b"/".join([b"d"] * level) for level in range(1, depth + 1)]
    bottom = paths[-1] + b"/file"
    try:
        with FilesTarget(tmp_path / "target", overwrite=False) as target:
            target.prepare()
            for path in paths:
                target.make(path, entry)
            file = Entry(b"file", EntryType.FILE, 0o644, size=2, extents=[Run(0, 0, 0, 2)])
            announce(target, [(bottom, file)])(bottom, 0, memoryview(b"ok"))
            problems = target.finish()
        found = subprocess.run(["find", tmp_path / "target", "-name", "file"], capture_output=True, check=True).stdout
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "target"], check=True)

    assert {problem.kind for problem in problems} <= {ProblemKind.METADATA}
    assert found.count(b"/d") == depth
