"""What the probe finds in stores that break their promises."""

import pytest

from strongroom.storage.errors import UnsafeStoreError
from strongroom.storage.probing import RACERS
from strongroom.storage.store import Body
from strongroom.testing.stores import MemoryStore


class OverwritingStore(MemoryStore):
    """Ignores the condition, as S3 servers do that do not know If-None-Match."""

    def create(self, key: str, body: Body, *, sha256: bytes) -> None:
        self.put(key, body, sha256=sha256)


class LateOverwritingStore(MemoryStore):
    """Forgets, after the race, that the key is taken."""

    def __init__(self, region: str) -> None:
        super().__init__(region)
        self._creations = 0

    def create(self, key: str, body: Body, *, sha256: bytes) -> None:
        self._creations += 1
        if self._creations > RACERS:
            self.put(key, body, sha256=sha256)
        else:
            super().create(key, body, sha256=sha256)


class ForgetfulStore(MemoryStore):
    """Lets one writer win and keeps the bytes of another."""

    def create(self, key: str, body: Body, *, sha256: bytes) -> None:
        super().create(key, body, sha256=sha256)
        self.objects[key] = b"of somebody else"


@pytest.mark.parametrize("kind", [OverwritingStore, LateOverwritingStore, ForgetfulStore])
def test_a_store_that_commits_twice_is_refused_and_left_clean(kind: type[MemoryStore]) -> None:
    store = kind("home")
    with pytest.raises(UnsafeStoreError, match="same backup"):
        store.probe()
    assert store.objects == {}
