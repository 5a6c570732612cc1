"""The store contract kept by the stores that need no service."""

from pathlib import Path

import pytest

from strongroom.storage.local import LocalStore
from strongroom.storage.store import Store
from strongroom.testing.stores import MemoryStore
from tests.unit.storage.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore("home")


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        store = LocalStore("home", tmp_path / "region")
        store.prepare()
        return store
