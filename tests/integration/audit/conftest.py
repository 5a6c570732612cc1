"""A catalog that keeps an audit log, on both databases."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.runtime import open_catalog
from tests.integration.audit.writing import Log

Opener = Callable[[], Log]


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile.create(tmp_path / "strongroom.keys", ["eu"])


@pytest.fixture
def opener(catalog_url: str, key_file: KeyFile) -> Iterator[Opener]:
    """Return what opens the log as a new process does."""
    opened: list[Catalog] = []

    def open_log() -> Log:
        catalog, keys = open_catalog(catalog_url, {"eu": LocalKekProvider(key_file, "eu")}, SystemClock())
        opened.append(catalog)
        return Log(catalog, keys)

    yield open_log
    for catalog in opened:
        catalog.close()


@pytest.fixture
def log(opener: Opener) -> Log:
    return opener()
