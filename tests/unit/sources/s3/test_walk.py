"""Whatever the keys of a bucket are, its walk is a tree: names ascend, and no object is passed over."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from strongroom.aws.client import AwsClient
from strongroom.sources.s3.content import Bucket, ObjectContent
from strongroom.sources.s3.names import path_of, version_path
from strongroom.sources.s3.sorting import Listed, sorted_listing
from strongroom.sources.s3.walk import BucketWalk
from strongroom.tree.content import Enter, Item, Leave, Step

NOBODY = cast("AwsClient", None)


def listed(key: str) -> Listed:
    return Listed(path_of(key), key, "null", "etag", 1 << 30, 0, is_latest=True)


def walk(keys: list[str], scratch: Path) -> Iterator[Step]:
    with sorted_listing(map(listed, keys), scratch) as listing:
        yield from BucketWalk(Bucket(NOBODY, "bucket"), listing, {})


def keys_of(steps: Iterator[Step]) -> list[str]:
    """Check the tree and return the keys of its objects."""
    found: list[str] = []
    last: list[bytes] = []
    for step in steps:
        if isinstance(step, Leave):
            last.pop()
            continue
        if last:
            assert step.entry.name > last[-1]
            assert b"/" not in step.entry.name
            assert step.entry.name not in {b"", b".", b".."}
            last[-1] = step.entry.name
        if isinstance(step, Enter):
            last.append(b"")
        elif isinstance(step, Item):
            assert isinstance(step.content, ObjectContent)
            found.append(step.content.listed.key)
    assert last == []
    return found


@pytest.mark.parametrize("seed", range(40))
def test_any_keys_make_a_tree(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    keys = {"".join(chance.choices("ab-./%é\n", k=chance.randint(1, 7))) for _ in range(200)}
    assert sorted(keys_of(walk(sorted(keys, key=str.encode), tmp_path))) == sorted(keys)


def test_a_long_listing_is_sorted_on_the_disk_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strongroom.sources.s3.sorting.MOST_IN_MEMORY", 1000)
    keys = [f"{number % 97}/{number}" for number in range(20_000)]
    assert sorted(keys_of(walk(keys, tmp_path))) == sorted(keys)
    assert list(tmp_path.iterdir()) == []


def test_older_versions_sort_by_age_beside_their_object() -> None:
    first = datetime(2026, 11, 21, 19, 23, 1, tzinfo=UTC)
    paths = [
        version_path("a/b", first, 0, "zz"),
        version_path("a/b", first, 1, "aa"),
        version_path("a/b", first.replace(second=2), 0, "0"),
    ]
    assert sorted(paths) == paths
    assert path_of("a/b") < paths[0] < path_of("a/c")
