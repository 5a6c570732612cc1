"""A walk yields a tree as it is, and says what it could not see."""

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from strongroom.sources.errors import (
    BadExcludePatternError,
    EmptySourceError,
    SourceNotFoundError,
    SourceNotReadableError,
)
from strongroom.sources.files.exclusion import Exclusion
from strongroom.tree.content import Enter, Item, Leave, ProblemKind
from strongroom.tree.entry import EntryType
from tests.unit.sources.trees import by_one, entry_types, files_source, read_steps, with_paths
from tests.unit.sources.unprivileged import open_to_nobody, unprivileged


def test_names_come_in_byte_order_and_directories_enclose_what_is_in_them(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x").touch()
    (tmp_path / "b.txt").touch()
    (tmp_path / "B").touch()

    steps = [(type(step), path) for path, step in read_steps(tmp_path)]

    assert steps == [
        (Enter, b""),
        (Item, b"B"),
        (Enter, b"b"),
        (Item, b"b/x"),
        (Leave, b"b"),
        (Item, b"b.txt"),
        (Leave, b""),
    ]


def test_every_kind_of_entry_is_told_apart(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(tmp_path / "socket"))

        types = entry_types(read_steps(tmp_path))

    assert types == {
        b"": EntryType.DIRECTORY,
        b"directory": EntryType.DIRECTORY,
        b"fifo": EntryType.FIFO,
        b"file": EntryType.FILE,
        b"link": EntryType.SYMLINK,
        b"socket": EntryType.SOCKET,
    }


def test_devices_are_seen_with_their_numbers():
    with files_source(Path("/dev"), exclude=("/*", "!/null")).open() as walk:
        null = dict(with_paths(walk))[b"null"].entry

    assert null.type is EntryType.CHARACTER_DEVICE
    assert (os.major(null.device), os.minor(null.device)) == (1, 3)


def test_links_are_kept_as_links_even_in_a_loop(tmp_path):
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "up").symlink_to("../..")

    steps = dict(read_steps(tmp_path))

    assert [steps[b"loop"].entry.target, steps[b"up"].entry.target] == [b".", b"../.."]
    assert len(steps) == 3


def test_names_that_are_not_utf_8_keep_their_bytes(tmp_path):
    name = b"caf\xe9 \n\x01"
    (tmp_path / os.fsdecode(name)).touch()

    assert name in dict(read_steps(tmp_path))


def test_metadata_is_taken_to_the_nanosecond_and_the_last_mode_bit(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    file.chmod(0o6751)
    os.utime(file, ns=(1, 1_234_567_890_123_456_789))

    entry = dict(read_steps(tmp_path))[b"file"].entry

    assert (entry.mode, entry.mtime_ns, entry.size) == (0o6751, 1_234_567_890_123_456_789, 1)
    assert (entry.uid, entry.gid, entry.inode) == (os.getuid(), os.getgid(), file.stat().st_ino)


def test_further_names_of_a_file_carry_its_number_and_no_content(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    (tmp_path / "single").touch()
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "c").hardlink_to(tmp_path / "a")

    steps = dict(read_steps(tmp_path))

    assert steps[b"a"].entry.link_id == steps[b"b"].entry.link_id == steps[b"z/c"].entry.link_id != 0
    assert steps[b"single"].entry.link_id == 0
    assert [steps[path].content is None for path in (b"a", b"b", b"z/c")] == [False, True, True]


def test_another_file_that_got_the_inode_of_a_linked_one_is_not_taken_for_it(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    (tmp_path / "c").hardlink_to(tmp_path / "a")
    with files_source(tmp_path).open() as walk:
        found = {}
        for step in walk:
            if isinstance(step, Item):
                found[step.entry.name] = step
            if list(found) == [b"a"]:
                # File systems that give inodes out again at once cannot be told to: what is seen of it is the same.
                (tmp_path / "b").write_text("another")

    assert [found[name].content is None for name in (b"a", b"b", b"c")] == [False, False, True]
    assert found[b"a"].entry.link_id != found[b"b"].entry.link_id == found[b"c"].entry.link_id


def test_a_link_that_leads_out_of_the_tree_is_not_followed(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").touch()
    (inside / "out").symlink_to("..")

    assert entry_types(read_steps(inside)) == {b"": EntryType.DIRECTORY, b"out": EntryType.SYMLINK}


def test_what_is_excluded_is_not_even_entered(tmp_path):
    for path in ("cache/a", "src/cache/b", "src/c.tmp", "src/keep.tmp", "src/d"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()

    steps = read_steps(tmp_path, exclude=("/cache/", "*.tmp", "!keep.tmp"))

    assert [path for path, step in steps if isinstance(step, Item)] == [b"src/cache/b", b"src/d", b"src/keep.tmp"]


def test_a_pattern_that_means_nothing_is_refused():
    with pytest.raises(BadExcludePatternError):
        Exclusion(("!",))


def test_another_file_system_is_an_empty_directory_if_so_wished():
    mounted = [path.name for path in Path("/dev").iterdir() if path.is_dir() and path.is_mount()]
    if not mounted:
        pytest.skip("nothing is mounted below /dev here")

    paths = {path for path, _ in read_steps(Path("/dev"), one_file_system=True)}

    assert {os.fsencode(name) for name in mounted} <= paths
    assert [path for path in paths if path.split(b"/")[0].decode() in mounted and b"/" in path] == []


def test_a_tree_deeper_than_any_limit_is_walked_to_its_end(tmp_path):
    depth = 3000
    directory = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=directory)
        below = os.open("d", os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
    os.close(directory)
    try:
        with files_source(tmp_path).open() as walk:
            kinds = [type(step) for step in walk]
    finally:
        # Deeper than what the standard library, and so pytest's own cleaning up, can remove.
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)

    assert (kinds.count(Enter), kinds.count(Item), kinds.count(Leave)) == (depth + 1, 1, depth + 1)
    assert walk.problems() == []


def test_a_directory_that_may_not_be_listed_is_kept_and_reported():
    with open_to_nobody() as root, unprivileged():
        (root / "closed").mkdir()
        (root / "closed" / "file").touch()
        (root / "open").touch()
        (root / "closed").chmod(0)
        with files_source(root).open() as walk:
            paths = [path for path, _ in with_paths(walk)]
        (root / "closed").chmod(stat.S_IRWXU)

    assert paths == [b"", b"closed", b"closed", b"open", b""]
    assert [(problem.path, problem.kind) for problem in walk.problems()] == [("closed", ProblemKind.UNREADABLE)]


def test_what_vanishes_during_the_walk_is_reported(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    seen = []
    with files_source(tmp_path).open() as walk:
        for step in walk:
            seen.append(step)
            if isinstance(step, Enter) and step.entry.name == b"a":
                shutil.rmtree(tmp_path / "b")

    assert [(problem.path, problem.kind) for problem in walk.problems()] == [("b", ProblemKind.VANISHED)]
    assert [step.entry.name for step in seen if isinstance(step, Enter)] == [b"", b"a", b"c"]


def test_problems_name_odd_paths_in_a_readable_way(tmp_path):
    odd = os.fsdecode(b"\xff\n")
    (tmp_path / "a").touch()
    (tmp_path / odd).touch()
    with files_source(tmp_path).open() as walk:
        for step in walk:
            if isinstance(step, Item) and step.entry.name == b"a":
                (tmp_path / odd).unlink()

    assert [problem.path for problem in walk.problems()] == ["\\xff\\n"]


def test_a_missing_directory_is_not_an_empty_backup(tmp_path):
    with pytest.raises(SourceNotFoundError, match="No such file"), files_source(tmp_path / "absent").open():
        pass


def test_a_file_is_not_a_directory(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(SourceNotFoundError, match="is not a directory"), files_source(tmp_path / "file").open():
        pass


def test_an_empty_directory_is_refused_unless_it_is_meant(tmp_path):
    with pytest.raises(EmptySourceError, match="is empty"), files_source(tmp_path).open():
        pass
    assert entry_types(read_steps(tmp_path, allow_empty=True)) == {b"": EntryType.DIRECTORY}


def test_a_directory_that_may_not_be_read_says_so():
    with open_to_nobody() as root, unprivileged():
        root.chmod(0)
        with pytest.raises(SourceNotReadableError), files_source(root).open():
            pass
        root.chmod(stat.S_IRWXU)


def test_the_root_may_be_a_link_and_is_named_in_the_facts(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "link").symlink_to("real")

    with files_source(tmp_path / "link").open() as walk:
        paths = [path for path, _ in with_paths(walk)]

    assert paths == [b"", b"file", b""]
    assert walk.facts()["root"] == str(tmp_path / "link")


def test_a_walk_leaves_out_the_files_with_one_name_that_are_recognised(tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("folder/known", "folder/new", "known", "twice"):
        (tmp_path / name).write_bytes(b"four")
    (tmp_path / "also").hardlink_to(tmp_path / "twice")
    (tmp_path / "link").symlink_to("known")
    asked = []

    def recognise(name: bytes, status: os.stat_result) -> bool:
        asked.append((name, status.st_size))
        return name == b"known"

    with files_source(tmp_path).open() as walk:
        walk.spare(by_one(recognise), expected=5)
        steps = [step.entry.name for step in walk if not isinstance(step, Leave)]

    assert asked == [(b"known", 4), (b"new", 4), (b"known", 4)]
    assert steps == [b"", b"also", b"folder", b"new", b"link", b"twice"]
