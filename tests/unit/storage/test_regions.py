"""Which store a region's settings lead to."""

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from strongroom.settings.regions import KekSettings, RegionSettings
from strongroom.storage.errors import ClientMissingError, StoreUnavailableError
from strongroom.storage.local import LocalStore
from strongroom.storage.regions import open_store
from strongroom.storage.s3 import S3Store
from tests.unit.storage.store_contract import put

KEK = KekSettings(provider="local", key="home")


def _bucket(prefix: str = "") -> RegionSettings:
    return RegionSettings(
        name="eu-west-1",
        kind="s3",
        bucket="strongroom",
        prefix=prefix,
        endpoint="http://127.0.0.1:1",
        access_key=SecretStr("id"),
        secret_key=SecretStr("secret"),
        kek=KEK,
    )


def test_a_directory_region_keeps_objects_in_its_directory(tmp_path: Path) -> None:
    LocalStore("home", tmp_path / "home").prepare()
    store = open_store(RegionSettings(name="home", path=tmp_path / "home", kek=KEK))
    put(store, "key")
    assert (tmp_path / "home" / "key").read_bytes() == b"body"


def test_opening_a_directory_region_does_not_make_it(tmp_path: Path) -> None:
    store = open_store(RegionSettings(name="home", path=tmp_path / "home", kek=KEK))
    with pytest.raises(StoreUnavailableError):
        store.find("key")
    assert not (tmp_path / "home").exists()


def test_a_bucket_region_is_an_s3_store() -> None:
    store = open_store(_bucket())
    assert isinstance(store, S3Store)
    assert store.region == "eu-west-1"


def test_a_missing_client_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "strongroom.storage.s3_client", None)
    with pytest.raises(ClientMissingError, match=r"strongroom\[aws\]"):
        open_store(_bucket())
