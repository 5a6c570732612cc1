"""Processes that spend keys and die before they answer."""

import os
import signal
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from strongroom.keysync.provider import Provider
from tests.integration.keysync.sites import Later, Line, open_site

TAKERS = 6


def fetch_and_die(directory: Path, catalog_url: str, key_id: str, remote: str) -> None:
    """Fetch a key, and be killed when it is gone from the catalog and not yet opened."""
    _dying(directory, catalog_url).delivery.fetch(key_id, remote)


def take_and_die(directory: Path, catalog_url: str, remote: str) -> None:
    """Take keys in several threads at once, and be killed when the first are gone from the catalog."""
    provider = _dying(directory, catalog_url)
    with ThreadPoolExecutor(TAKERS) as threads:
        list(threads.map(lambda _: provider.delivery.take(remote), range(TAKERS)))


def _dying(directory: Path, catalog_url: str) -> Provider:
    provider = open_site(directory, catalog_url, Line(Later()), "A", "B")

    def die(_key_id: uuid.UUID) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("dead")

    # The first that happens after the commit.
    provider.sealers.__dict__["get"] = die
    return provider
