"""Logs cost what was appended to them, however they are rotated, and every backup gives back what was there."""

import itertools
import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.repository.appending import MAX_PIECES
from strongroom.repository.baseline import Trust
from strongroom.repository.blocks import BLOCK_BYTES
from strongroom.repository.check import check_data
from tests.unit.repository.room import runs
from tests.unit.sources.files.logroom import LogRoom

CHECKED = 3 * BLOCK_BYTES
"""What is read of an earlier content at most, to see that it is still there."""

TREE_BYTES = 2048
LARGE = 3_000_000

_numbers = itertools.count()


def lines(size: int) -> bytes:
    """Return log lines that do not come twice and do not compress well."""
    made = bytearray()
    while len(made) < size:
        made += b"2026-11-21T08:00:00Z %d %s\n" % (next(_numbers), random.randbytes(60).hex().encode())
    return bytes(made[:size])


def append(path: Path, size: int) -> None:
    with path.open("ab") as file:
        file.write(lines(size))


@pytest.fixture
def logs(tmp_path: Path) -> LogRoom:
    directory = tmp_path / "logs"
    directory.mkdir()
    return LogRoom(directory)


@pytest.mark.parametrize("size", [0, 1, 1000, BLOCK_BYTES, 2 * BLOCK_BYTES, 600_000, LARGE])
@pytest.mark.parametrize("more", [1, 5000, BLOCK_BYTES, 700_000])
def test_an_append_is_read_and_stored_alone(logs: LogRoom, size: int, more: int) -> None:
    log = logs.directory / "app.log"
    log.write_bytes(lines(size))
    logs.back_up()
    append(log, more)

    made = logs.back_up()

    assert logs.held() == logs.there()
    assert made.read <= more + min(size, CHECKED)
    assert made.stored <= more + TREE_BYTES
    assert made.summary.reused_bytes == size
    assert made.summary.source_bytes == size + more


def test_the_digest_does_not_depend_on_how_a_log_was_read(logs: LogRoom) -> None:
    log = logs.directory / "app.log"
    log.write_bytes(b"")
    for size in (1, 200_000, BLOCK_BYTES, 0, 700_000, 3, 131_072):
        append(log, size)
        logs.back_up()
    grown = logs.entry("app.log")

    logs.back_up(upon_last=False)
    whole = logs.entry("app.log")

    assert (grown.digest, grown.blocks) == (whole.digest, whole.blocks)
    assert runs(grown) != runs(whole)


def test_a_renamed_log_is_not_stored_again_and_the_new_one_is_read_from_its_start(logs: LogRoom) -> None:
    log = logs.directory / "app.log"
    log.write_bytes(lines(LARGE))
    logs.back_up()
    append(log, 1000)
    log.rename(logs.directory / "app.log.1")
    log.write_bytes(lines(500))

    made = logs.back_up()

    assert logs.held() == logs.there()
    assert made.read <= 1500 + CHECKED
    assert made.stored <= 1500 + TREE_BYTES


def test_a_chain_of_rotated_logs_moves_on_by_one(logs: LogRoom) -> None:
    names = [logs.directory / name for name in ("app.log", "app.log.1", "app.log.2", "app.log.3")]
    for log in names:
        log.write_bytes(lines(LARGE))
    logs.back_up()
    names[3].unlink()
    for older, newer in ((2, 3), (1, 2), (0, 1)):
        names[older].rename(names[newer])
    names[0].write_bytes(b"first line\n")

    made = logs.back_up()

    assert logs.held() == logs.there()
    assert made.read <= 3 * CHECKED + 100
    assert made.stored <= 2 * TREE_BYTES


def test_copying_and_truncating_is_noticed_even_when_the_log_is_longer_again(logs: LogRoom) -> None:
    log = logs.directory / "app.log"
    log.write_bytes(lines(LARGE))
    logs.back_up()
    shutil.copyfile(log, logs.directory / "app.log.1")
    os.truncate(log, 0)
    append(log, LARGE + 1000)

    made = logs.back_up()

    assert logs.held() == logs.there()
    assert made.stored <= LARGE + 1000 + TREE_BYTES


@pytest.mark.parametrize("place", [0, 100, BLOCK_BYTES - 1, LARGE - 1, LARGE - BLOCK_BYTES])
def test_an_edit_at_the_start_or_before_the_old_end_is_noticed(logs: LogRoom, place: int) -> None:
    log = logs.directory / "app.log"
    log.write_bytes(lines(LARGE))
    logs.back_up()
    with log.open("r+b") as file:
        file.seek(place)
        file.write(b"#")
    append(log, 10)

    made = logs.back_up()

    assert logs.held() == logs.there()
    assert made.read >= LARGE


def test_an_edit_that_keeps_the_size_is_noticed_anywhere(logs: LogRoom) -> None:
    log = logs.directory / "app.log"
    log.write_bytes(lines(LARGE))
    logs.back_up()
    with log.open("r+b") as file:
        file.seek(LARGE // 2)
        file.write(b"#")

    logs.back_up()

    assert logs.held() == logs.there()


def test_force_read_reads_logs_as_a_whole(logs: LogRoom) -> None:
    log = logs.directory / "app.log"
    log.write_bytes(lines(LARGE))
    logs.back_up()
    append(log, 10)

    made = logs.back_up(trust=Trust(force_read=True))

    assert made.read == LARGE + 10
    assert logs.held() == logs.there()


def test_a_log_of_many_pieces_is_laid_together_once_more(logs: LogRoom) -> None:
    log = logs.directory / "app.log"
    log.write_bytes(b"")
    for _ in range(MAX_PIECES + 2):
        append(log, 10)
        logs.back_up()

    assert len(runs(logs.entry("app.log"))) < MAX_PIECES // 2
    assert logs.held() == logs.there()


def test_a_log_with_a_hole_is_read_as_a_whole(logs: LogRoom) -> None:
    log = logs.directory / "app.log"
    log.write_bytes(lines(10_000))
    logs.back_up()
    os.truncate(log, 1 << 20)
    append(log, 10_000)

    logs.back_up()
    append(log, 10_000)
    logs.back_up()

    assert logs.held() == logs.there()


def test_only_what_the_patterns_name_is_backed_up(logs: LogRoom) -> None:
    for name in ("app.log", "app.log.1", "app.pid", "debug.log"):
        (logs.directory / name).write_bytes(b"x")

    logs.back_up(include=["*.log*"], exclude=["debug*"])

    assert set(logs.held()) == {"app.log", "app.log.1"}


def test_many_small_logs_cost_their_new_lines(logs: LogRoom) -> None:
    paths = [logs.directory / f"{number}.log" for number in range(300)]
    for path in paths:
        path.write_bytes(lines(2000))
    logs.back_up()
    for path in paths:
        append(path, 50)

    made = logs.back_up()

    assert logs.held() == logs.there()
    assert made.stored <= 300 * (50 + 250)
    assert made.summary.reused_bytes == 300 * 2000


def test_the_data_of_a_grown_log_passes_the_check(logs: LogRoom) -> None:
    log = logs.directory / "app.log"
    for _ in range(3):
        append(log, 400_000)
        logs.back_up()

    assert check_data(logs.reader(), on_progress=lambda *_: None).passed


ACTIONS = st.sampled_from(["append", "append", "lines", "rotate", "copytruncate", "truncate", "edit", "delete", "swap"])


@settings(max_examples=25, deadline=None)
@given(history=st.lists(st.lists(ACTIONS, max_size=4), min_size=2, max_size=6), seed=st.integers(0, 2**32))
def test_whatever_happens_to_logs_every_backup_gives_back_what_was_there(
    tmp_path_factory: pytest.TempPathFactory, history: list[list[str]], seed: int
) -> None:
    logs = LogRoom(tmp_path_factory.mktemp("logs"))
    chance = random.Random(seed)
    kept = []
    for actions in history:
        for action in actions:
            act(logs.directory, action, chance)
        kept.append((logs.back_up(), logs.there()))

    for made, there in kept:
        assert logs.held(made) == there


def act(directory: Path, action: str, chance: random.Random) -> None:
    log = directory / f"{chance.choice('ab')}.log"
    log.touch()
    older = log.with_name(log.name + ".1")
    match action:
        case "append":
            append(log, chance.choice([1, 100, BLOCK_BYTES, 2 * BLOCK_BYTES, 200_000, 600_000]))
        case "rotate":
            log.rename(older)
        case "delete":
            log.unlink()
        case "swap":
            swap(log, older)
        case _:
            write_over(log, older, action, chance)


def write_over(log: Path, older: Path, action: str, chance: random.Random) -> None:
    with log.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if action == "lines":
            file.write(b"the same line\n" * chance.randrange(20_000))
        elif action == "copytruncate":
            shutil.copyfile(log, older)
            file.truncate(0)
        elif action == "truncate":
            file.truncate(chance.randrange(size + 1))
        elif size:
            file.seek(chance.choice([0, size - 1]))
            file.write(b"#")


def swap(log: Path, older: Path) -> None:
    older.touch()
    spare = log.with_name("spare")
    log.rename(spare)
    older.rename(log)
    spare.rename(older)
