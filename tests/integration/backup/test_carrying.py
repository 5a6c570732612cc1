"""A backup whose files another process reads is the same backup, and one that loses that process is tried again."""

import os
import signal
from pathlib import Path

import pytest

from strongroom.catalog.jobs import JobState
from strongroom.sources.files import porter
from strongroom.sources.files.porter import Carriage
from tests.integration.backup.conftest import House
from tests.integration.jobs.staging import make_due

FILES = 600


@pytest.fixture
def large(small_house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Have a tree that counts as long, and wait for the porter instead of passing files by."""
    monkeypatch.setattr(porter, "PORTER_WORTH", 64)
    monkeypatch.setattr(Carriage, "is_ready", lambda carriage: bool(carriage._connection.recv(1)))
    for number in range(FILES):
        (small_house.tree / f"more-{number}").write_bytes(os.urandom(10) * number * 10)
    (small_house.tree / "large").write_bytes(os.urandom(3_000_000))
    (small_house.tree / "zz").hardlink_to(small_house.tree / "more-7")
    return small_house


def porters() -> list[int]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(child) for child in children if b"porter" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_what_was_carried_comes_back(large: House, monkeypatch: pytest.MonkeyPatch) -> None:
    carried = []
    monkeypatch.setattr(porter.HeldContent, "settle", lambda content: carried.append(content.entry.name))

    backup = large.back_up()

    assert len(carried) > FILES / 2
    assert not porters()
    assert large.restore(backup).state is JobState.SUCCEEDED
    assert large.is_restored()
    assert (large.directory / "restored" / "zz").samefile(large.directory / "restored" / "more-7")


def test_a_backup_that_loses_its_porter_is_tried_again(large: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            porter.HeldContent, "settle", lambda _: [os.kill(pid, signal.SIGKILL) for pid in porters()] and None
        )
        job = large.run(large.request())

    assert job.state is JobState.QUEUED
    assert job.last_error is not None
    assert job.last_error["code"] == "sources.walk_cut_short"
    make_due(large.services.ledger, job.id)
    again = large.run(job)
    assert again.state is JobState.SUCCEEDED
    large.restore(again)
    assert large.is_restored()
