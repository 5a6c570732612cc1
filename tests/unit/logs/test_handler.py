"""A disk that is full, or a stream that is gone, costs lines; the work goes on."""

import json
import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.logs.handler import DroppingHandler
from strongroom.logs.json_lines import JsonLines
from tests.unit.logs.conftest import logging_to


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Let files grow to a size and no further, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores the signal that comes with it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_lines_that_do_not_fit_on_the_disk_are_counted_and_said_later(tmp_path: Path):
    path = tmp_path / "log"
    with path.open("a", encoding="utf-8") as stream, logging_to(DroppingHandler(stream)) as log:
        next(h for h in log.handlers if isinstance(h, DroppingHandler)).setFormatter(JsonLines("tests"))
        log.info("the first one")
        with at_most(path.stat().st_size + 30):
            for number in range(3):
                log.info("lost %d", number)
        log.info("the last one")

    lines = path.read_text(encoding="utf-8").splitlines()
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    assert [line["message"] for line in whole] == [
        "the first one",
        "log.dropped lines=3: they could not be written",
        "the last one",
    ]
    # The beginning of the line during which the disk ran full stands alone.
    assert len(lines) == len(whole) + 1


def test_a_device_that_is_always_full_stops_nobody():
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        handler = DroppingHandler(stream)
        with logging_to(handler) as log:
            for _ in range(5):
                log.error("x")
    assert handler.dropped == 5


def test_a_stream_that_was_closed_stops_nobody(tmp_path: Path):
    stream = (tmp_path / "log").open("w", encoding="utf-8")
    handler = DroppingHandler(stream)
    stream.close()
    with logging_to(handler) as log:
        log.error("x")
    assert handler.dropped == 1


def test_levels_of_libraries_stay_where_they_print_no_rows():
    from strongroom.logs.starting import TALKATIVE, start_log

    root = logging.getLogger()
    before = root.level, list(root.handlers)
    ours = logging.getLogger("strongroom").level
    try:
        start_log("tests", "DEBUG", "json")
        assert logging.getLogger("strongroom").getEffectiveLevel() == logging.DEBUG
        assert logging.getLogger("celery").getEffectiveLevel() == logging.INFO
        assert {logging.getLogger(name).getEffectiveLevel() for name in TALKATIVE} == {logging.WARNING}
    finally:
        root.handlers = before[1]
        root.setLevel(before[0])
        logging.getLogger("strongroom").setLevel(ours)
