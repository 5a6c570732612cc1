"""Which entries of a tree a selection takes, and that what it takes can stand alone."""

import os
from typing import Any

import pytest

from strongroom.backup.errors import BadSelectionError, NothingSelectedError
from strongroom.backup.selection import EVERYTHING, PathEntry, Selection, parse_selection, select, verify_selection
from strongroom.tree.entry import Entry, EntryType, Run

TREE = [
    "",
    "a/",
    "a/b/",
    "a/b/one.txt",
    "a/b/two.raw",
    "a/c/",
    "a/c/three.txt",
    "a.txt",
    "d/",
    "d/e/",
    "d/e/f",
    "\udcff",
]


def entry(path: str, **fields: Any) -> PathEntry:
    plain = os.fsencode(path.rstrip("/"))
    kind = EntryType.DIRECTORY if path.endswith("/") or not path else EntryType.FILE
    return plain, Entry(name=plain.rpartition(b"/")[2], type=kind, mode=0o644, **fields)


def selected(**wanted: tuple[str, ...]) -> list[str]:
    return [os.fsdecode(path) for path, _ in select((entry(path) for path in TREE), Selection(**wanted))]


def test_without_a_wish_everything_is_wanted() -> None:
    assert selected() == [path.rstrip("/") for path in TREE]


def test_a_directory_comes_with_all_below_it_and_with_those_above_it() -> None:
    assert selected(paths=("a/b",)) == ["", "a", "a/b", "a/b/one.txt", "a/b/two.raw"]


def test_a_file_comes_with_the_directories_that_lead_to_it_and_no_others() -> None:
    assert selected(paths=("d/e/f",)) == ["", "d", "d/e", "d/e/f"]


@pytest.mark.parametrize("spelling", ["/a/c/", "./a/c", "a//c"])
def test_a_path_may_be_spelled_as_people_do(spelling: str) -> None:
    assert selected(paths=(spelling,)) == ["", "a", "a/c", "a/c/three.txt"]


def test_a_pattern_finds_files_wherever_they_are() -> None:
    assert selected(include=("*.txt",)) == ["", "a", "a/b", "a/b/one.txt", "a/c", "a/c/three.txt", "a.txt"]


def test_paths_and_patterns_add_up_and_exclusion_takes_away() -> None:
    wanted = selected(paths=("d",), include=("*.txt",), exclude=("a/c/", "/a.txt"))
    assert wanted == ["", "a", "a/b", "a/b/one.txt", "d", "d/e", "d/e/f"]


def test_exclusion_alone_takes_away_from_everything() -> None:
    assert selected(exclude=("a/", "d/")) == ["", "a.txt", "\udcff"]


def test_names_that_are_not_text_can_be_selected() -> None:
    assert selected(paths=("\udcff",)) == ["", "\udcff"]


@pytest.mark.parametrize("wanted", [{"paths": ("a", "nowhere")}, {"include": ("*.jpg",)}])
def test_what_is_not_there_is_said(wanted: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(NothingSelectedError, match=r"nowhere|Nothing"):
        selected(**wanted)


@pytest.mark.parametrize("path", ["../etc", "a/../..", "a\0b"])
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(BadSelectionError):
        verify_selection(Selection(paths=(path,)), "files")


def test_a_database_is_not_selected_from_by_path() -> None:
    verify_selection(EVERYTHING, "postgres")
    with pytest.raises(BadSelectionError):
        verify_selection(Selection(paths=("a",)), "postgres")


def test_a_further_name_of_a_file_brings_the_content_along() -> None:
    runs = [Run(0, 0, 0, 5)]
    tree = [
        entry(""),
        entry("first", link_id=1, size=5, digest=b"d", extents=runs),
        entry("second", link_id=1, size=5),
        entry("third", link_id=1, size=5),
    ]
    found = dict(select(tree, Selection(paths=("second", "third"))))
    assert (found[b"second"].extents, found[b"second"].digest) == (runs, b"d")
    assert found[b"third"].extents == []


def test_a_further_name_of_a_file_brings_its_attributes_and_size_along() -> None:
    access = [(b"system.posix_acl_access", b"...")]
    tree = [
        entry(""),
        entry("first", link_id=1, size=5, digest=b"d", extents=[Run(0, 0, 0, 5)], xattrs=access),
        # The walk asks for attributes where it reads the content, and the file may have grown since.
        entry("second", link_id=1, size=9),
    ]
    found = dict(select(tree, Selection(paths=("second",))))[b"second"]
    assert (found.name, found.size, found.xattrs) == (b"second", 5, access)


def test_a_selection_travels_with_a_job() -> None:
    selection = Selection(("a",), ("*.b",), ("c",))
    assert parse_selection(selection.as_args()) == selection
    assert parse_selection(None) == EVERYTHING
