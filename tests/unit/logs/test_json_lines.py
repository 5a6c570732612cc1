"""Every line is one JSON object with the fields that the page describes, whatever was logged."""

import io
import json
import logging
import os
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.errors import InvalidInputError
from strongroom.logs.handler import DroppingHandler
from strongroom.logs.json_lines import FIELDS, LONGEST_LINE, JsonLines
from strongroom.tracing import bind

IN_EVERY_LINE = FIELDS[:9]


def lines_of(written: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_line_has_the_fields_that_are_in_every_line_in_their_order(log: logging.Logger, written: io.StringIO):
    log.info("job %s begins", 7)

    (line,) = lines_of(written)
    assert tuple(line) == IN_EVERY_LINE
    assert (line["message"], line["level"], line["service"], line["pid"]) == (
        "job 7 begins",
        "INFO",
        "tests",
        os.getpid(),
    )
    assert str(line["timestamp"]).endswith("+00:00")
    assert abs((datetime.fromisoformat(str(line["timestamp"])) - datetime.now(UTC)).total_seconds()) < 60


def test_a_line_says_what_it_belongs_to(log: logging.Logger, written: io.StringIO):
    with bind(trace_id="a" * 32, request_id="b" * 32, job_id="j", task_id="t", user_id="u", username="anna"):
        log.info("x", extra={"duration_s": 0.25, "event": "job.done"})
    log.info("x")

    inside, outside = lines_of(written)
    assert {
        name: inside[name] for name in ("trace_id", "request_id", "job_id", "task_id", "user_id", "username", "event")
    } == {
        "trace_id": "a" * 32,
        "request_id": "b" * 32,
        "job_id": "j",
        "task_id": "t",
        "user_id": "u",
        "username": "anna",
        "event": "job.done",
    }
    assert inside["duration_s"] == 0.25
    assert "trace_id" not in outside


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ("skip.refused reason=%s", "skip.refused"),
        ("skip.unavailable: no", "skip.unavailable"),
        ("job %s begins", "strongroom.tests.lines.test_an_event_has_a_stable_name"),
        ("e.g. something", "strongroom.tests.lines.test_an_event_has_a_stable_name"),
    ],
)
def test_an_event_has_a_stable_name(log: logging.Logger, written: io.StringIO, message: str, event: str):
    log.info(message.replace("%s", "1"))

    assert lines_of(written)[0]["event"] == event


def test_an_error_has_its_code_its_type_and_its_traceback(log: logging.Logger, written: io.StringIO):
    try:
        raise InvalidInputError("Something is wrong.", next_step="Do this.")
    except InvalidInputError:
        log.exception("it failed")

    (line,) = lines_of(written)
    assert (line["error.type"], line["error.code"]) == ("InvalidInputError", InvalidInputError.code)
    assert str(line["message"]).startswith("it failed\nTraceback")


def test_nothing_that_nobody_has_looked_at_becomes_a_field(log: logging.Logger, written: io.StringIO):
    log.info("x", extra={"data": {"password": "hunter2"}, "event": "a.b"})

    assert "hunter2" not in written.getvalue()
    assert set(lines_of(written)[0]) <= set(FIELDS)


def test_a_record_that_cannot_be_formatted_says_where_it_is(log: logging.Logger, written: io.StringIO):
    handler = next(one for one in log.handlers if isinstance(one, DroppingHandler))
    handler.handle(logging.LogRecord("x", logging.INFO, "test_json_lines.py", 1, "%d of %d", ("x",), None))

    (line,) = lines_of(written)
    assert line["event"] == "log.unreadable"
    assert "test_json_lines" in str(line["message"])


@given(text=st.text(alphabet=st.characters(), max_size=60), more=st.integers(0, 1500))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_whatever_is_in_a_message_the_line_is_one_short_line_of_plain_json(text: str, more: int):
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s", (text * more + "\r\n\x1b[31m\x9b\u2028\udcff",), None)

    line = JsonLines("tests").format(record)

    assert json.loads(line)["message"].endswith("\udcff")
    assert line.isascii()
    assert line.isprintable()
    assert len(line) <= LONGEST_LINE
