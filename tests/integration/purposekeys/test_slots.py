"""Every region's KEK opens the installation's own keys, so that losing one loses none of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sqlalchemy import select

from strongroom.catalog.purpose_keys import PurposeKeySlot
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock
from strongroom.keyring.errors import KeyProviderUnavailableError
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.keyring.provider import KekProvider
from strongroom.keyring.secret import SecretKey
from strongroom.purposekeys.errors import PurposeKeyGoneError
from strongroom.purposekeys.keys import Purpose, PurposeKeys

REGIONS = ("eu", "us", "asia")
Open = Callable[..., PurposeKeys]


class Away(LocalKekProvider):
    """A key service that does not answer."""

    def unwrap(self, *_: object) -> SecretKey:
        raise KeyProviderUnavailableError("It is away.", next_step="Wait.")

    wrap = generate = unwrap  # type: ignore[assignment]  # it answers nothing at all


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile.create(tmp_path / "strongroom.keys", REGIONS)


@pytest.fixture
def process(catalog: Catalog, key_file: KeyFile) -> Open:
    """Return what opens the keys as a new process does, with the KEKs of some regions, or with others instead."""

    def open_keys(*regions: str, instead: Mapping[str, KekProvider] | None = None) -> PurposeKeys:
        keks = {region: LocalKekProvider(key_file, region) for region in regions or REGIONS}
        return PurposeKeys(catalog, {**keks, **(instead or {})}, SystemClock())

    return open_keys


def slots(catalog: Catalog) -> set[tuple[str, str]]:
    with catalog.read() as session:
        return {(slot.purpose, slot.region) for slot in session.scalars(select(PurposeKeySlot))}


@pytest.mark.parametrize("left", REGIONS)
def test_any_region_alone_opens_a_key(process: Open, left: str) -> None:
    key = process().get(Purpose.AUDIT)

    assert process(left).get(Purpose.AUDIT) == key


def test_a_region_whose_key_service_is_away_is_gone_round(process: Open, key_file: KeyFile) -> None:
    key = process().get(Purpose.AUDIT)

    assert process(instead={"eu": Away(key_file, "eu")}).get(Purpose.AUDIT) == key


def test_a_key_opens_inside_a_transaction_with_any_region(process: Open, catalog: Catalog) -> None:
    key = process().get(Purpose.AUDIT)

    with catalog.begin() as session:
        assert process("asia").get_within(session, Purpose.AUDIT) == key


def test_a_key_of_regions_that_are_all_gone_says_so(process: Open, catalog: Catalog) -> None:
    process("eu", "us").get(Purpose.AUDIT)

    with pytest.raises(PurposeKeyGoneError):
        process("asia").get(Purpose.AUDIT)


def test_a_region_that_was_away_or_is_new_gets_its_slots_later(process: Open, catalog: Catalog, key_file: KeyFile):
    key = process("eu", "us", instead={"us": Away(key_file, "us")}).get(Purpose.FACTORS)
    assert slots(catalog) == set()

    assert process().spread() == 2
    assert process().spread() == 0

    assert slots(catalog) == {("factors", "us"), ("factors", "asia")}
    assert process("asia").get(Purpose.FACTORS) == key


def test_slots_move_with_their_regions_kek(process: Open, catalog: Catalog, key_file: KeyFile) -> None:
    key = process().get(Purpose.AUDIT)
    version = key_file.rotate("us")

    assert process().rewrap("us") == 1
    assert process().rewrap("us") == 0

    with catalog.read() as session:
        assert session.get_one(PurposeKeySlot, ("audit", "us")).version == version
        assert session.get_one(PurposeKeySlot, ("audit", "asia")).version == "v1"
    assert process("us").get(Purpose.AUDIT) == key
