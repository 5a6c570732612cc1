"""What every store must do: one suite, run against each kind by a subclass of StoreContract."""

import hashlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from strongroom.storage.errors import (
    ChecksumMismatchError,
    InvalidKeyError,
    ObjectExistsError,
    ObjectNotFoundError,
)
from strongroom.storage.store import Body, Evidence, ObjectInfo, Store

BAD_KEYS = ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/./b", "a b", "a\n", "a~", "ü", "a\x00"]


def digest(body: Body) -> bytes:
    return hashlib.sha256(body).digest()


def put(store: Store, key: str, body: Body = b"body") -> None:
    store.put(key, body, sha256=digest(body))


def create(store: Store, key: str, body: Body = b"body") -> None:
    store.create(key, body, sha256=digest(body))


def keys(found: Iterable[ObjectInfo]) -> list[str]:
    return [info.key for info in found]


class StoreContract:
    """Subclasses provide the fixture `store`: an empty store."""

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_what_is_put_is_got(self, store: Store, kind: type[bytes | bytearray | memoryview]) -> None:
        put(store, "p/00/pack.pk", kind(b"some bytes"))
        assert store.get("p/00/pack.pk") == b"some bytes"

    def test_an_empty_object_is_an_object(self, store: Store) -> None:
        put(store, "empty", b"")
        assert store.get("empty") == b""
        assert store.get_range("empty", 0, 10) == b""
        assert store.get_range("empty", -10, 10) == b""

    def test_an_object_of_several_mib_survives(self, store: Store) -> None:
        body = bytes(range(256)) * (5 * 4096 + 1)
        put(store, "big", body)
        assert store.get("big") == body

    def test_put_replaces(self, store: Store) -> None:
        put(store, "key", b"first and longer")
        put(store, "key", b"second")
        assert store.get("key") == b"second"

    def test_a_free_key_is_created(self, store: Store) -> None:
        create(store, "c/source/backup", b"commit")
        assert store.get("c/source/backup") == b"commit"

    def test_a_taken_key_is_not_overwritten(self, store: Store) -> None:
        put(store, "key", b"first")
        with pytest.raises(ObjectExistsError):
            create(store, "key", b"second")
        assert store.get("key") == b"first"

    def test_the_same_bytes_do_not_make_a_taken_key_free(self, store: Store) -> None:
        create(store, "key", b"same")
        with pytest.raises(ObjectExistsError):
            create(store, "key", b"same")

    def test_a_deleted_key_can_be_created_again(self, store: Store) -> None:
        create(store, "key", b"first")
        store.delete("key")
        create(store, "key", b"second")
        assert store.get("key") == b"second"

    def test_of_many_creators_one_wins(self, store: Store) -> None:
        barrier = threading.Barrier(8)

        def race(body: bytes) -> bool:
            barrier.wait()
            try:
                create(store, "contested", body)
            except ObjectExistsError:
                return False
            return True

        bodies = [bytes([number]) * 1000 for number in range(8)]
        with ThreadPoolExecutor(8) as racers:
            won = list(racers.map(race, bodies))
        assert won.count(True) == 1
        assert store.get("contested") == bodies[won.index(True)]

    def test_many_writers_below_one_folder_all_succeed(self, store: Store) -> None:
        def write_and_delete(number: int) -> None:
            put(store, f"shared/folder/{number}", b"x")
            store.delete(f"shared/folder/{number}")

        with ThreadPoolExecutor(8) as writers:
            list(writers.map(write_and_delete, range(40)))
        assert keys(store.list("shared/")) == []

    @pytest.mark.parametrize("write", [put, create])
    def test_bytes_that_changed_before_they_were_stored_are_refused(self, store: Store, write: object) -> None:
        method = store.put if write is put else store.create
        with pytest.raises(ChecksumMismatchError):
            method("key", b"flipped", sha256=digest(b"meant"))
        assert store.find("key") is None

    def test_a_missing_object_is_not_found(self, store: Store) -> None:
        with pytest.raises(ObjectNotFoundError):
            store.get("absent/key")
        with pytest.raises(ObjectNotFoundError):
            store.get_range("absent/key", 0, 1)
        with pytest.raises(ObjectNotFoundError):
            store.get_range("absent/key", 0, 0)
        with pytest.raises(ObjectNotFoundError):
            store.confirm("absent/key", size=0, sha256=digest(b""))
        with pytest.raises(ObjectNotFoundError):
            store.attest("absent/key", size=0, sha256=digest(b""))
        assert store.find("absent/key") is None

    def test_a_folder_is_not_an_object(self, store: Store) -> None:
        put(store, "folder/object")
        assert store.find("folder") is None
        with pytest.raises(ObjectNotFoundError):
            store.get("folder")

    def test_find_tells_key_and_size(self, store: Store) -> None:
        put(store, "a/b", b"12345")
        found = store.find("a/b")
        assert found is not None
        assert (found.key, found.size) == ("a/b", 5)

    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [
            (0, 4, b"0123"),
            (3, 4, b"3456"),
            (8, 4, b"89"),
            (10, 4, b""),
            (500, 4, b""),
            (2, 0, b""),
            (-4, 4, b"6789"),
            (-4, 2, b"67"),
            (-4, 100, b"6789"),
            (-400, 100, b"0123456789"),
        ],
    )
    def test_a_range_ends_where_the_object_ends(self, store: Store, start: int, length: int, expected: bytes) -> None:
        put(store, "digits", b"0123456789")
        assert store.get_range("digits", start, length) == expected

    def test_the_list_is_in_key_order_with_sizes(self, store: Store) -> None:
        names = ["a/x", "a-b/x", "a.b", "a/b/c", "b", "A", "a0", "a_", "z/9", "z/10"]
        for number, name in enumerate(names):
            put(store, name, b"x" * number)
        listed = list(store.list(""))
        assert [info.key for info in listed] == sorted(names)
        assert {info.key: info.size for info in listed} == {name: number for number, name in enumerate(names)}

    @pytest.mark.parametrize(
        ("prefix", "expected"),
        [
            ("p/", ["p/00/a", "p/01/b"]),
            ("p/0", ["p/00/a", "p/01/b"]),
            ("p/01/b", ["p/01/b"]),
            ("p", ["p/00/a", "p/01/b", "pq"]),
            ("nothing/here/", []),
        ],
    )
    def test_a_prefix_may_end_inside_a_name(self, store: Store, prefix: str, expected: list[str]) -> None:
        for key in ["p/00/a", "p/01/b", "pq", "o"]:
            put(store, key)
        assert keys(store.list(prefix)) == expected

    def test_deleting_what_is_not_there_is_no_error(self, store: Store) -> None:
        store.delete("never/was")
        put(store, "once/was")
        store.delete("once/was")
        store.delete("once/was")
        assert store.find("once/was") is None

    def test_deleting_one_object_leaves_its_neighbours(self, store: Store) -> None:
        put(store, "folder/a")
        put(store, "folder/b")
        store.delete("folder/a")
        assert keys(store.list("folder/")) == ["folder/b"]

    def test_the_right_object_is_confirmed(self, store: Store) -> None:
        put(store, "pack", b"right bytes")
        store.confirm("pack", size=11, sha256=digest(b"right bytes"))

    def test_a_created_object_is_confirmed(self, store: Store) -> None:
        create(store, "commit", b"right bytes")
        store.confirm("commit", size=11, sha256=digest(b"right bytes"))

    def test_another_object_of_the_same_size_is_not_confirmed(self, store: Store) -> None:
        put(store, "pack", b"wrong bytes")
        with pytest.raises(ChecksumMismatchError):
            store.confirm("pack", size=11, sha256=digest(b"right bytes"))

    def test_an_object_of_another_size_is_not_confirmed(self, store: Store) -> None:
        put(store, "pack", b"right bytes")
        with pytest.raises(ChecksumMismatchError):
            store.confirm("pack", size=12, sha256=digest(b"right bytes"))

    def test_what_is_there_is_attested_and_another_size_is_not(self, store: Store) -> None:
        put(store, "folder/pack", b"right bytes")
        assert store.attest("folder/pack", size=11, sha256=digest(b"right bytes")) is not Evidence.READ_BACK
        with pytest.raises(ChecksumMismatchError):
            store.attest("folder/pack", size=12, sha256=digest(b"right bytes"))
        with pytest.raises(ObjectNotFoundError):
            store.attest("folder", size=11, sha256=digest(b"right bytes"))

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_a_bad_key_is_refused_by_every_method(self, store: Store, key: str) -> None:
        calls: list[Callable[[], object]] = [
            lambda: put(store, key),
            lambda: create(store, key),
            lambda: store.get(key),
            lambda: store.get_range(key, 0, 1),
            lambda: store.find(key),
            lambda: store.delete(key),
            lambda: store.confirm(key, size=0, sha256=digest(b"")),
            lambda: store.attest(key, size=0, sha256=digest(b"")),
        ]
        for call in calls:
            with pytest.raises(InvalidKeyError):
                call()

    def test_a_key_too_long_for_some_store_is_refused(self, store: Store) -> None:
        with pytest.raises(InvalidKeyError):
            put(store, "/".join(["a" * 200] * 5))
        with pytest.raises(InvalidKeyError):
            put(store, "a" * 256)

    @pytest.mark.parametrize("prefix", ["/", "a//", "../", "a/../", "a b", "~"])
    def test_a_bad_prefix_is_refused(self, store: Store, prefix: str) -> None:
        with pytest.raises(InvalidKeyError):
            list(store.list(prefix))

    def test_the_probe_finds_a_safe_store_and_leaves_nothing(self, store: Store) -> None:
        assert store.probe().create_if_absent
        assert list(store.list("")) == []
