"""A runtime opens each thing once, when it is first used, and the repository from whichever region answers."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.clock import SystemClock, system_random
from strongroom.errors import CannotDecryptError, StrongroomError, UnavailableError
from strongroom.jobs.kinds import JobKind
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.repository.access import create_repository
from strongroom.repository.errors import RepositoryNotFoundError
from strongroom.runtime import (
    HANDLERS,
    NoRegionAnswersError,
    OpenedOnUse,
    build_runtime,
    ledger_policy,
    open_from_first_region,
)
from strongroom.settings import JobSettings, load_settings
from strongroom.storage.local import LocalStore

REGIONS = ("a", "b", "c")


@pytest.fixture
def keks(tmp_path: Path) -> dict[str, LocalKekProvider]:
    key_file = KeyFile.create(tmp_path / "keys", REGIONS)
    return {region: LocalKekProvider(key_file, region) for region in REGIONS}


@pytest.fixture
def stores(tmp_path: Path, keks: dict[str, LocalKekProvider]) -> dict[str, LocalStore]:
    stores = {region: LocalStore(region, tmp_path / region) for region in REGIONS}
    for store in stores.values():
        store.prepare()
    create_repository(stores, keks, clock=SystemClock(), random=system_random)
    return stores


def test_building_a_runtime_touches_nothing(tmp_path: Path) -> None:
    config = tmp_path / "strongroom.toml"
    config.write_text('[regions.a]\npath = "a"\n[regions.b]\nhome = true\npath = "b"\n')
    runtime = build_runtime(load_settings(config, {}))
    assert list(runtime.stores) == list(runtime.keks) == ["b", "a"]
    assert list(tmp_path.iterdir()) == [config]


def test_a_value_is_opened_once_however_many_threads_ask() -> None:
    opened: list[str] = []
    barrier = threading.Barrier(8)

    def opener(name: str) -> object:
        opened.append(name)
        return object()

    mapping = OpenedOnUse(REGIONS, opener)
    found: list[object] = []

    def ask() -> None:
        barrier.wait()
        found.append(mapping["b"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == ["b"]
    assert len(set(map(id, found))) == 1
    assert list(mapping) == list(REGIONS)


def test_what_could_not_be_opened_is_tried_again() -> None:
    answers: Iterator[StrongroomError | str] = iter([UnavailableError("It is away.", next_step="Wait."), "store"])

    def opener(_name: str) -> str:
        answer = next(answers)
        if isinstance(answer, StrongroomError):
            raise answer
        return answer

    mapping = OpenedOnUse(["a"], opener)
    with pytest.raises(UnavailableError):
        mapping["a"]
    assert mapping["a"] == "store"


def test_the_repository_opens_from_the_next_region_when_one_is_gone(
    tmp_path: Path, stores: dict[str, LocalStore], keks: dict[str, LocalKekProvider]
) -> None:
    expected = open_from_first_region(stores, keks).repo_id
    (tmp_path / "a").rename(tmp_path / "gone")
    assert open_from_first_region(stores, keks).repo_id == expected


def test_the_repository_opens_from_the_next_region_when_one_was_emptied(
    tmp_path: Path, stores: dict[str, LocalStore], keks: dict[str, LocalKekProvider]
) -> None:
    expected = open_from_first_region(stores, keks).repo_id
    (tmp_path / "a").rename(tmp_path / "gone")
    stores["a"].prepare()
    assert open_from_first_region(stores, keks).repo_id == expected


def test_without_any_region_the_error_names_them_all(
    tmp_path: Path, stores: dict[str, LocalStore], keks: dict[str, LocalKekProvider]
) -> None:
    for region in REGIONS:
        (tmp_path / region).rename(tmp_path / f"gone-{region}")
    with pytest.raises(NoRegionAnswersError) as caught:
        open_from_first_region(stores, keks)
    assert all(f"{region}: " in caught.value.what for region in REGIONS)


def test_a_wrong_key_is_not_mistaken_for_absence(
    tmp_path: Path, stores: dict[str, LocalStore], keks: dict[str, LocalKekProvider]
) -> None:
    other = KeyFile.create(tmp_path / "other", REGIONS)
    wrong = {region: LocalKekProvider(other, region) for region in REGIONS}
    (tmp_path / "a").rename(tmp_path / "gone")
    with pytest.raises(CannotDecryptError):
        open_from_first_region(stores, wrong)


def test_regions_that_hold_nothing_say_so(tmp_path: Path, keks: dict[str, LocalKekProvider]) -> None:
    empty = {region: LocalStore(region, tmp_path / f"empty-{region}") for region in REGIONS}
    for store in empty.values():
        store.prepare()
    with pytest.raises(RepositoryNotFoundError):
        open_from_first_region(empty, keks)


def test_every_kind_of_job_has_a_handler() -> None:
    assert set(HANDLERS) == set(JobKind)
    assert all(callable(HANDLERS[kind]) for kind in JobKind)


def test_the_ledger_is_as_patient_as_configured() -> None:
    policy = ledger_policy(JobSettings(lease_seconds=7, max_errors=2, max_crashes=1))
    assert (policy.lease_seconds, policy.max_errors, policy.max_crashes) == (7.0, 2, 1)
