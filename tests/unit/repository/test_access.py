"""Making and opening a repository."""

import threading

import pytest

from strongroom.keyring.errors import KeyProviderUnavailableError
from strongroom.repository.access import Repository, create_repository, open_repository
from strongroom.repository.errors import RepositoryConflictError, RepositoryNotFoundError, TamperedError, WrongKeyError
from strongroom.storage.errors import StoreUnavailableError
from strongroom.storage.store import Store
from strongroom.testing.stores import Fault, FaultyStore, MemoryStore, Operation, server_error
from tests.unit.repository.damage import ANY_REFUSAL, cuts, flip
from tests.unit.repository.room import REGIONS, MemoryKek, Room

DOWN = [Fault(operation, server_error, times=1 << 30) for operation in Operation]


def make(room: Room, stores: dict[str, Store] | None = None) -> Repository:
    return create_repository(stores or dict(room.stores), room.all_keks(), clock=room.clock, random=room.random)


def test_every_region_opens_with_its_own_key(room: Room) -> None:
    for region in REGIONS:
        opened = open_repository(room.stores[region], room.keks[region])
        assert opened.repo_id == room.repository.repo_id
        assert opened.verify_key() == room.repository.verify_key()


def test_every_region_also_opens_with_the_key_of_another(room: Room) -> None:
    assert open_repository(room.stores["south"], room.keks["home"]).repo_id == room.repository.repo_id


def test_making_it_again_changes_nothing(room: Room) -> None:
    before = [dict(store.objects) for store in room.stores.values()]

    assert make(room).repo_id == room.repository.repo_id
    assert [dict(store.objects) for store in room.stores.values()] == before


def test_a_region_that_was_away_or_lost_is_furnished_later(room: Room) -> None:
    room.stores["home"].objects.clear()
    room.stores["south"].objects.clear()

    assert make(room).repo_id == room.repository.repo_id
    for region in REGIONS:
        assert open_repository(room.stores[region], room.keks[region]).repo_id == room.repository.repo_id


def test_a_region_that_does_not_answer_does_not_stop_the_making() -> None:
    room = Room()
    stores: dict[str, Store] = {name: MemoryStore(name) for name in REGIONS}
    stores["north"] = FaultyStore(stores["north"], DOWN)

    made = make(room, stores)

    assert open_repository(stores["south"], room.keks["south"]).repo_id == made.repo_id


def test_the_home_region_must_answer(room: Room) -> None:
    stores: dict[str, Store] = {**room.stores, "home": FaultyStore(room.home, DOWN)}

    with pytest.raises(StoreUnavailableError):
        make(room, stores)


def test_a_key_service_that_does_not_answer_leaves_its_slot_for_the_next_time() -> None:
    room = Room()
    stores: dict[str, Store] = {name: MemoryStore(name) for name in REGIONS}
    room.keks["south"].up = False
    made = make(room, stores)
    with pytest.raises(KeyProviderUnavailableError):
        open_repository(stores["south"], room.keks["south"])

    room.keks["south"].up = True
    make(room, stores)

    assert open_repository(stores["south"], room.keks["south"]).repo_id == made.repo_id


@pytest.mark.parametrize("writes", range(1, 5))
def test_a_making_that_was_interrupted_is_finished(room: Room, writes: int) -> None:
    inner = MemoryStore("home")
    dying: dict[str, Store] = {"home": FaultyStore(inner, [Fault(Operation.CREATE, server_error, nth=writes)])}
    with pytest.raises(StoreUnavailableError):
        make(room, dying)

    made = make(room, {"home": inner})

    assert open_repository(inner, room.keks["home"]).repo_id == made.repo_id


def test_two_makers_at_once_make_one_repository() -> None:
    room = Room()
    stores: dict[str, Store] = {"home": MemoryStore("home")}
    made: list[Repository] = []
    makers = [threading.Thread(target=lambda: made.append(make(room, stores))) for _ in range(6)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()

    assert len({repository.repo_id for repository in made}) == 1
    assert len(made) == 6


def test_two_repositories_are_not_mixed(room: Room) -> None:
    stores: dict[str, Store] = {**room.stores, "north": MemoryStore("north")}
    create_repository({"north": stores["north"]}, {"north": room.keks["north"]}, clock=room.clock, random=room.random)

    with pytest.raises(RepositoryConflictError):
        make(room, stores)


def test_an_empty_region_holds_no_repository(room: Room) -> None:
    with pytest.raises(RepositoryNotFoundError):
        open_repository(MemoryStore("home"), room.keks["home"])


def test_another_key_does_not_open_it(room: Room) -> None:
    with pytest.raises(WrongKeyError):
        open_repository(room.home, MemoryKek("stranger"))


def test_a_key_of_another_provider_is_not_even_tried(room: Room) -> None:
    kek = room.keks["home"]
    kek.name = "aws-kms"

    with pytest.raises(WrongKeyError):
        open_repository(room.home, kek)


@pytest.mark.parametrize("key", ["repo", "keys/repo/home.v1"])
def test_a_damaged_object_is_refused(room: Room, key: str) -> None:
    raw = room.home.objects[key]
    for bit in range(0, len(raw) * 8, 7):
        room.home.objects[key] = flip(raw, bit)
        with pytest.raises(ANY_REFUSAL):
            open_repository(room.home, room.keks["home"])
    for short in cuts(raw, 100):
        room.home.objects[key] = short
        with pytest.raises(ANY_REFUSAL):
            open_repository(room.home, room.keks["home"])


def test_the_record_of_another_repository_is_refused(room: Room) -> None:
    room.home.objects["repo"] = Room(seed=2).home.objects["repo"]

    with pytest.raises(TamperedError):
        open_repository(room.home, room.keks["home"])


def test_a_lost_record_is_told_apart_from_an_empty_region(room: Room) -> None:
    del room.home.objects["repo"]

    with pytest.raises(RepositoryNotFoundError, match="no repository record"):
        open_repository(room.home, room.keks["home"])


def test_sources_share_no_keys(room: Room) -> None:
    one, other = room.repository.source_keys("a"), room.repository.source_keys("b")

    assert len({one.chunk_id, one.content, other.chunk_id, other.content}) == 4
    assert one.cut_seed != other.cut_seed
    assert room.repository.source_keys("a") == one
