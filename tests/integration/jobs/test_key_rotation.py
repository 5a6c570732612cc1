"""A new version of the column keys is written under only when every live process can read it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock
from strongroom.columnkeys.changes import first_ring, new_version
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.holder import KeyRingHolder
from strongroom.columnkeys.ring import KeyState
from strongroom.jobs.key_holders import (
    HolderIdentity,
    forget_silent_holders,
    list_holders,
    list_not_knowing,
    list_writing,
    record_holding,
)
from strongroom.jobs.key_reporting import KeyReporter, holding_ring, this_process
from strongroom.rotation.errors import ProcessesBehindError
from strongroom.rotation.key_versions import add_pending, promote, wait_until_known
from tests.integration.jobs import key_using

NOW = datetime(2026, 1, 14, tzinfo=UTC)
CLOCK = SystemClock()
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def file(tmp_path: Path) -> EnvCryptoFile:
    made = EnvCryptoFile(tmp_path / ".env.crypto")
    made.create(first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom)), ())
    return made


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    opened = Catalog(open_engine(catalog_url))
    yield opened
    opened.close()


@contextmanager
def application(role: str, ring: Path, tokens: Path, catalog_url: str) -> Iterator[subprocess.Popen[str]]:
    """Run one process of the application until the block ends."""
    command = [sys.executable, key_using.__file__, role, str(ring), str(tokens), catalog_url]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.communicate()


def await_line(process: subprocess.Popen[str], wanted: str) -> list[str]:
    """Return what a process says until it says what is wanted."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line.strip())
        if said[-1] == wanted:
            return said
    raise AssertionError(f"it ended without {wanted!r}: {said[-3:]}")


def test_a_process_with_an_old_ring_never_meets_a_token_it_cannot_read(catalog, catalog_url, file, tmp_path):
    theirs, tokens = tmp_path / "deployed", tmp_path / "tokens"
    shutil.copy(file.path, theirs)
    tokens.touch()
    with (
        application("write", file.path, tokens, catalog_url),
        application("read", theirs, tokens, catalog_url) as reader,
    ):
        said = await_line(reader, "read v1")
        version = add_pending(file, "v2", CLOCK)
        with pytest.raises(ProcessesBehindError) as behind:
            wait_until_known(catalog, version, CLOCK, 0.5, lambda names: None)
        assert str(reader.pid) in str(behind.value)
        shutil.copy(file.path, theirs)
        wait_until_known(catalog, version, CLOCK, 60, lambda names: None)
        promote(file, "v2", CLOCK)
        said += await_line(reader, "read v2")

    assert set(said) == {"read v1", "read v2"}


def test_a_rotation_that_does_not_wait_is_what_the_old_process_cannot_read(catalog, catalog_url, file, tmp_path):
    theirs, tokens = tmp_path / "deployed", tmp_path / "tokens"
    shutil.copy(file.path, theirs)
    tokens.touch()
    with (
        application("write", file.path, tokens, catalog_url),
        application("read", theirs, tokens, catalog_url) as reader,
    ):
        await_line(reader, "read v1")
        add_pending(file, "v2", CLOCK)
        promote(file, "v2", CLOCK)
        await_line(reader, "columnkeys.unknown_version")


def test_a_process_is_announced_before_it_loads_its_ring(catalog, file):
    seen: list[str | None] = []

    class Watched:
        def load(self):
            with catalog.read() as session:
                seen.extend(holder.ring for holder in list_holders(session, within_seconds=60))
            return file.load()

    reporter = KeyReporter(catalog, KeyRingHolder(Watched()), this_process())
    reporter.start()
    with catalog.read() as session:
        (holder,) = list_holders(session, within_seconds=60)
    reporter.stop()

    assert seen == [None]
    assert (holder.ring, holder.active) == (file.load().fingerprint(), "v1")
    with catalog.read() as session:
        assert list_holders(session, within_seconds=60) == []


def test_another_key_of_the_same_name_does_not_count_as_known(catalog, file):
    ring = file.load()
    other = new_version("v1", KeyState.ACTIVE, NOW, os.urandom)
    with catalog.begin() as session:
        record_holding(session, HolderIdentity("web", "host", 1, NOW), ring)

    with catalog.read() as session:
        assert list_not_knowing(session, ring.versions["v1"]) == []
        assert list_not_knowing(session, other) == ["web"]


def test_who_may_still_write_under_a_version(catalog, file):
    with catalog.begin() as session:
        record_holding(session, HolderIdentity("loading", "host", 1, NOW), None)
        record_holding(session, HolderIdentity("old", "host", 2, NOW), file.load())
    add_pending(file, "v2", CLOCK)
    with catalog.begin() as session:
        record_holding(session, HolderIdentity("new", "host", 3, NOW), promote(file, "v2", CLOCK))

    with catalog.begin() as session:
        assert list_writing(session, "v1") == ["loading", "old"]
        forget_silent_holders(session, after_seconds=-1)
        assert list_writing(session, "v1") == []


def test_a_catalog_that_is_away_and_a_ring_that_is_damaged_leave_the_process_at_work(catalog, file, caplog):
    holder = KeyRingHolder(file)
    reporter = KeyReporter(catalog, holder, this_process())
    reporter.start()
    file.path.write_text("nonsense")
    reporter.watch()

    assert "could not be loaded anew" in caplog.text
    assert holder.ring().active == "v1"
    reporter.stop()


def test_a_block_of_work_reports_the_ring_it_began_with_until_it_ends(catalog, file):
    with holding_ring(catalog, file.load) as ring:
        version = add_pending(file, "v2", CLOCK)
        with catalog.read() as session:
            assert len(list_not_knowing(session, version)) == 1
            assert list_not_knowing(session, ring.active_version()) == []
    with catalog.read() as session:
        assert list_not_knowing(session, version) == []
