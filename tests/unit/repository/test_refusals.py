"""Whatever is done to stored bytes ends in a typed refusal: never in wrong data, never in an error without a name."""

import dataclasses
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import permutations
from pathlib import Path

import pytest

from strongroom.errors import StrongroomError
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.keyring.secret import SecretKey
from strongroom.repository.access import open_repository
from strongroom.repository.check import check_data
from strongroom.repository.collection import plan_collection
from strongroom.repository.errors import CollectionBlockedError
from strongroom.repository.layout import backup_slots, manifest_key, session_key
from strongroom.repository.manifest import HEADER, SIGNATURE_BYTES, seal_manifest
from strongroom.repository.reader import BackupReader
from strongroom.repository.replica import replica_objects
from strongroom.repository.slots import open_first, read_slots
from strongroom.testing.stores import MemoryStore
from tests.unit.repository.damage import ANY_REFUSAL
from tests.unit.repository.exhibits import Exhibit, Museum
from tests.unit.repository.variants import (
    Seen,
    all_variants,
    checkpoint_frames,
    flipped,
    manifest_frames,
    pack_frames,
    rearranged,
    rebuilt_checkpoint,
    rebuilt_pack,
    truncated,
)

ENOUGH = 40_000
SEED = 4


@pytest.fixture(scope="module")
def museums() -> list[Museum]:
    return [Museum("this", 1), Museum("other", 2)]


@pytest.fixture(scope="module")
def exhibits(museums: list[Museum]) -> list[Exhibit]:
    return [exhibit for museum in museums for exhibit in museum.exhibits()]


def kinds(exhibits: Iterable[Exhibit]) -> dict[str, list[Exhibit]]:
    found: dict[str, list[Exhibit]] = {}
    for exhibit in exhibits:
        found.setdefault(exhibit.kind, []).append(exhibit)
    return found


def accepted(exhibit: Exhibit, variants: Iterable[bytes]) -> list[str]:
    """Return the variants that were not refused, or not with an error of ours."""
    wrong = []
    for raw in variants:
        try:
            said = exhibit.read(raw)
        except ANY_REFUSAL:
            continue
        except BaseException as error:  # noqa: BLE001 - the test shows whatever it was
            said = repr(error)
        wrong.append(f"{exhibit.name}: {raw.hex()}: {said}")
    return wrong


def test_every_exhibit_is_sound(exhibits: list[Exhibit]) -> None:
    assert all(exhibit.read(exhibit.raw) is not None for exhibit in exhibits)
    assert set(kinds(exhibits)) == {
        "pack", "manifest", "commit", "tombstone", "session", "slot", "root slot", "repository", "checkpoint",
    }  # fmt: skip


def test_forty_thousand_variants_of_every_kind_of_object_are_refused(exhibits: list[Exhibit]) -> None:
    seen, counts, wrong, chance = Seen(), Counter[str](), [], random.Random(SEED)
    for kind, found in kinds(exhibits).items():
        for exhibit in found:
            others = chance.sample(found, 2)
            before = len(seen)
            wrong += accepted(exhibit, seen.fresh(exhibit, all_variants(exhibit, others, SEED)))
            counts[kind] += len(seen) - before

    assert wrong == []
    assert len(seen) == counts.total() > ENOUGH


def resigned(museum: Museum, body: bytes) -> bytes:
    """Sign what is no manifest, as somebody could who has stolen the root secret."""
    return body + museum.room.repository.sign_manifest(hashlib.sha256(body).digest())


def rearrangements(museum: Museum, exhibit: Exhibit, others: Sequence[Exhibit]) -> Iterator[bytes]:
    """Yield the object with other frames in it, everything around them put right."""
    split: Callable[[bytes], list[bytes]]
    build: Callable[[bytes, Sequence[bytes]], bytes]
    split, build = {
        "pack": (pack_frames, rebuilt_pack),
        "checkpoint": (checkpoint_frames, rebuilt_checkpoint),
        "manifest": (manifest_frames, lambda raw, parts: resigned(museum, raw[: HEADER.size] + b"".join(parts))),
    }[exhibit.kind]
    foreign = [frame for other in others for frame in split(other.raw)]
    for frames in rearranged(split(exhibit.raw), foreign):
        yield build(exhibit.raw, frames)


def test_frames_that_were_moved_doubled_dropped_or_taken_from_elsewhere_are_refused(
    museums: list[Museum], exhibits: list[Exhibit]
) -> None:
    seen, wrong = Seen(), []
    for kind in ("pack", "manifest", "checkpoint"):
        found = kinds(exhibits)[kind]
        for exhibit in found:
            museum = next(museum for museum in museums if exhibit.name.startswith(museum.name))
            others = [other for other in found if other is not exhibit]
            wrong += accepted(exhibit, seen.fresh(exhibit, rearrangements(museum, exhibit, others)))

    assert wrong == []
    assert len(seen) > 1_000


def test_a_manifest_that_was_changed_and_signed_again_is_still_refused(
    museums: list[Museum], exhibits: list[Exhibit]
) -> None:
    exhibit = kinds(exhibits)["manifest"][0]
    body, seen = exhibit.raw[:-SIGNATURE_BYTES], Seen()
    changed = [*flipped(body, random.Random(SEED)), *truncated(body)]

    assert accepted(exhibit, seen.fresh(exhibit, (resigned(museums[0], one) for one in changed))) == []
    assert len(seen) > 2_000


def region_of(objects: dict[str, bytes]) -> MemoryStore:
    store = MemoryStore("home")
    store.objects.update(objects)
    return store


def read_whole(museum: Museum, objects: dict[str, bytes]) -> str:
    """Read a backup in every way there is; return the code of the first refusal, or nothing."""
    store, kek = region_of(objects), museum.room.keks["home"]
    try:
        reader = BackupReader(open_repository(store, kek), store, kek, "db", museum.child.backup_id)
        report = check_data(reader, on_progress=lambda done, total: None)
        if not report.passed:
            return report.damage[0].code
        replica_objects(reader.repository, store, kek, "db", museum.child.backup_id)
    except StrongroomError as refusal:
        return refusal.code
    return ""


def needed_keys(museum: Museum) -> list[str]:
    """Return everything that the child is made of, but for the key slots of other regions."""
    room = museum.room
    refs = replica_objects(room.repository, room.home, room.keks["home"], "db", museum.child.backup_id)
    return [ref.key for ref in refs if not ref.key.endswith(("north.v1", "south.v1"))]


def test_a_region_in_which_any_object_is_replaced_gone_or_cut_reads_back_nothing(museums: list[Museum]) -> None:
    museum, other = museums
    objects, keys, tried = museum.room.home.objects, needed_keys(museum), 0
    assert read_whole(museum, objects) == ""
    chance = random.Random(SEED)
    for key in keys:
        alike = [one for one in keys if one != key and one.split("/")[0] == key.split("/")[0]]
        theirs = [one for one in other.room.home.objects if one.split("/")[0] == key.split("/")[0]]
        bodies = [objects[one] for one in alike]
        bodies += [other.room.home.objects[one] for one in chance.sample(theirs, min(3, len(theirs)))]
        bodies += [b"", objects[key][:-1], objects[key] + b"\0"]
        for body in bodies:
            assert read_whole(museum, objects | {key: body}), f"{key} was replaced by {body.hex()}"
        assert read_whole(museum, {name: raw for name, raw in objects.items() if name != key}), f"{key} was deleted"
        tried += len(bodies) + 1
    assert tried > 600


def test_any_two_packs_in_each_others_place_are_refused(museums: list[Museum]) -> None:
    objects = museums[0].room.home.objects
    packs = [key for key in needed_keys(museums[0]) if key.startswith("p/")]
    chosen = random.Random(SEED).sample(list(permutations(packs, 2)), 150)

    for one, two in chosen:
        assert read_whole(museums[0], objects | {one: objects[two], two: objects[one]})


def test_an_older_manifest_of_the_same_session_is_refused(museums: list[Museum]) -> None:
    museum = museums[0]
    made, room = museum.child, museum.room
    prefix = backup_slots(made.backup_id, made.identity.session_id)
    parse = museum.slot_of(made.identity)
    _, data_key = open_first(read_slots(room.home, prefix, parse), room.keks["home"], "it")
    earlier = dataclasses.replace(museum.head(made), problem_count=7)
    key = manifest_key("db", made.backup_id, made.identity.session_id)

    rolled_back = seal_manifest(room.repository, data_key, earlier)

    assert read_whole(museum, room.home.objects | {key: rolled_back}) == "repository.tampered"


def test_a_backup_put_in_place_of_a_later_one_is_refused(museums: list[Museum]) -> None:
    """Whoever moves all objects of an older backup under the names of a newer one still deceives nobody."""
    museum = museums[0]
    objects, old, new = dict(museum.room.home.objects), museum.full.identity, museum.child.identity
    for key in [key for key in objects if new.backup_id.hex in key or new.session_id.hex in key]:
        older = key.replace(new.backup_id.hex, old.backup_id.hex).replace(new.session_id.hex, old.session_id.hex)
        if older in objects:
            objects[key] = objects[older]

    assert read_whole(museum, objects) == "repository.tampered"


def test_an_object_under_another_name_is_refused_wherever_names_are_listed(museums: list[Museum]) -> None:
    museum = museums[0]
    room, made = museum.room, museum.full
    for key, name in (
        (f"c/db/{made.backup_id.hex}", f"c/db/{made.backup_id}"),
        (f"c/db/{made.backup_id.hex}", f"c/db/{made.backup_id.hex.upper()}"),
        (f"x/db/{museum.retired.backup_id.hex}", f"x/db/{museum.retired.backup_id}"),
        (session_key(made.identity.session_id), f"s/{made.identity.session_id}"),
        (session_key(made.identity.session_id), f"s/{made.identity.session_id.hex.upper()}"),
    ):
        store = region_of(room.home.objects | {name: room.home.objects[key]})
        with pytest.raises(CollectionBlockedError):
            plan_collection(room.repository, store, room.keks["home"], on_progress=lambda: None)


def key_file_at(path: Path, random_bytes: Callable[[int], bytes]) -> tuple[KeyFile, bytes]:
    """Make a key file with two versions of one key; return it with what it was before the second."""
    key_file = KeyFile.create(path, ["home", "north"], random_bytes)
    older = path.read_bytes()
    key_file.rotate("home", random_bytes)
    return key_file, older


def test_a_changed_key_file_is_refused_or_gives_the_same_keys(tmp_path: Path) -> None:
    path, chance = tmp_path / "keys.json", random.Random(SEED)
    key_file, older = key_file_at(path, chance.randbytes)
    provider = LocalKekProvider(key_file, "home", chance.randbytes)
    secret, wrapped = provider.generate({"purpose": "backup"})
    whole, _ = key_file_at(tmp_path / "other.json", chance.randbytes)
    refused = 0

    for raw in [
        *all_variants(Exhibit("key", "key", path.read_bytes(), bytes), [], SEED),
        older,
        whole.path.read_bytes(),
    ]:
        path.write_bytes(raw)
        try:
            assert provider.unwrap(wrapped, {"purpose": "backup"}) == secret
        except StrongroomError:
            refused += 1
    assert refused > 2_000


def test_a_wrapped_key_that_was_changed_is_refused(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    key_file, _ = key_file_at(tmp_path / "keys.json", chance.randbytes)
    providers = [LocalKekProvider(key_file, name, chance.randbytes) for name in ("home", "north")]
    contexts = ({"purpose": "backup"}, {"purpose": "root"})
    wrapped = [(one, provider.wrap(SecretKey(bytes(32)), one)) for provider in providers for one in contexts]
    context, ours = wrapped[0]
    exhibit = Exhibit(
        "wrapped",
        "wrapped",
        ours.ciphertext,
        lambda raw: providers[0].unwrap(dataclasses.replace(ours, ciphertext=raw), context),
    )
    others = [Exhibit("wrapped", "other", other.ciphertext, bytes) for _, other in wrapped[1:]]
    seen = Seen()

    for raw in seen.fresh(exhibit, all_variants(exhibit, others, SEED)):
        with pytest.raises(StrongroomError):
            exhibit.read(raw)
    assert exhibit.read(ours.ciphertext) == SecretKey(bytes(32))
    assert len(seen) > 300
