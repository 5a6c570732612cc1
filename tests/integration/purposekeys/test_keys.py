"""The installation's own keys: one for each purpose, the same for every process, and open after the KEK was rotated."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update

from strongroom.catalog.purpose_keys import PurposeKey
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock
from strongroom.columnkeys.ring import KeyRing
from strongroom.keyring.errors import WrongKeyError
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.purposekeys.errors import PurposeKeyGoneError
from strongroom.purposekeys.keys import Purpose, PurposeKeys
from strongroom.purposekeys.ring import PurposeRing

Open = Callable[[], PurposeKeys]


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile.create(tmp_path / "strongroom.keys", ["eu"])


@pytest.fixture
def process(catalog: Catalog, key_file: KeyFile) -> Open:
    """Return what opens the keys as a new process does."""
    return lambda: PurposeKeys(catalog, {"eu": LocalKekProvider(key_file, "eu")}, SystemClock())


def test_every_purpose_has_a_key_of_its_own(process: Open) -> None:
    keys = process()

    assert len({keys.get(purpose).reveal() for purpose in Purpose}) == len(Purpose)


def test_a_second_process_has_the_same_keys(process: Open) -> None:
    assert process().get(Purpose.ACCESS_TOKENS) == process().get(Purpose.ACCESS_TOKENS)


def test_processes_that_ask_at_the_same_time_get_one_key(process: Open) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda keys: keys.get(Purpose.AUDIT).reveal(), [process() for _ in range(8)]))

    assert len(set(found)) == 1


def test_keys_open_after_the_kek_was_rotated_and_its_old_version_is_not_needed(
    process: Open, catalog: Catalog, key_file: KeyFile
) -> None:
    before = process().get(Purpose.FACTORS)
    version = key_file.rotate("eu")

    assert process().rewrap("eu") == 1
    assert process().rewrap("eu") == 0
    with catalog.read() as session:
        assert session.scalars(select(PurposeKey.version)).all() == [version]
    assert process().get(Purpose.FACTORS) == before


def test_a_key_does_not_open_for_another_purpose(process: Open, catalog: Catalog) -> None:
    process().get(Purpose.MFA_TOKENS)
    with catalog.begin() as session:
        session.execute(update(PurposeKey).values(purpose=Purpose.ACCESS_TOKENS.value))

    with pytest.raises(WrongKeyError):
        process().get(Purpose.ACCESS_TOKENS)


def test_a_key_of_a_region_that_is_gone_says_so(process: Open, catalog: Catalog) -> None:
    process().get(Purpose.AUDIT)

    with pytest.raises(PurposeKeyGoneError):
        PurposeKeys(catalog, {}, SystemClock()).get(Purpose.AUDIT)


def test_the_ring_of_a_purpose_is_the_same_in_every_process(process: Open) -> None:
    rings: list[KeyRing] = [PurposeRing(process(), Purpose.FACTORS).load() for _ in range(2)]

    assert rings[0].fingerprint() == rings[1].fingerprint()
