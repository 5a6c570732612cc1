"""A PostgreSQL program is fed, waited for and ended, and its messages are kept without anybody's rows."""

import os
import time

import pytest

from strongroom.sources.postgres.tool import Tool

ENVIRONMENT = {"PATH": os.defpath}


class StoppedError(Exception):
    """What a check raises to stop."""


def run(script, **options):
    return Tool(["/bin/sh", "-c", script], ENVIRONMENT, **options)


def nothing():
    """Never stop."""


def test_output_can_be_read_to_its_end():
    with run("echo one; echo two") as tool:
        view = memoryview(bytearray(100))
        got = b""
        while count := os.readv(tool.output, [view]):
            got += bytes(view[:count])

        assert (got, tool.wait(nothing)) == (b"one\ntwo\n", 0)


def test_input_reaches_the_program_whatever_its_size(tmp_path):
    data = os.urandom(3_000_000)
    with run(f"cat > {tmp_path}/got", reads=True) as tool:
        assert tool.feed(memoryview(data), nothing)
        tool.end_input()
        assert tool.wait(nothing) == 0

    assert (tmp_path / "got").read_bytes() == data


def test_a_program_that_stops_reading_is_noticed():
    with run("exit 3", reads=True) as tool:
        pieces = iter(range(1000))
        while tool.feed(memoryview(b"x" * 65536), nothing):
            next(pieces)
        tool.end_input()

        assert tool.wait(nothing) == 3


def test_feeding_a_busy_program_can_be_stopped():
    def stop():
        raise StoppedError

    with pytest.raises(StoppedError), run("sleep 60", reads=True) as tool:
        tool.feed(memoryview(bytes(1 << 20)), stop)


def test_waiting_can_be_stopped_and_the_program_is_ended(tmp_path):
    pid = tmp_path / "pid"
    pid.touch()

    def stop():
        if pid.read_text().endswith("\n"):
            raise StoppedError

    with pytest.raises(StoppedError), run(f"echo $$ > {pid}; exec sleep 60") as tool:
        tool.wait(stop)

    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_program_that_ignores_the_polite_request_is_ended_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr("strongroom.sources.postgres.tool._STOP_SECONDS", 0.2)

    with run(f"trap '' TERM; touch {tmp_path}/ready; while :; do sleep 0.1; done"):
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)


def test_only_the_programs_own_words_are_kept():
    script = """
        echo 'pg_restore: error: COPY failed for table "t": ERROR:  invalid input syntax for type integer: "secret"' >&2
        echo 'DETAIL:  Key (card)=(4111 1111 1111 1111) already exists.' >&2
        echo 'CONTEXT:  COPY customers, line 1: "Ada"' >&2
        echo 'pg_dump: detail: Command was: COPY public.t (a) TO stdout;' >&2
        echo 'pg_restore: hint: go on' >&2
        exit 1
    """
    with run(script) as tool:
        status = tool.wait(nothing)

    assert status == 1
    assert tool.complaints() == (
        'pg_restore: error: COPY failed for table "t": ERROR:  invalid input syntax for type integer: (hidden); '
        "pg_restore: hint: go on"
    )


def test_a_silent_failure_says_that_it_was_silent():
    with run("exit 1") as tool:
        tool.wait(nothing)

    assert tool.complaints() == "it gave no reason"


def test_the_forgiven_error_alone_is_no_failure():
    script = "echo 'pg_restore: error: could not execute query: ERROR:  unknown \"x\"' >&2; exit 1"

    with run(script, reads=True, forgiving='unknown "x"') as tool:
        assert tool.wait(nothing) == 0


def test_any_other_error_ends_a_forgiving_program_at_once():
    script = """
        echo 'pg_restore: error: could not execute query: ERROR:  unknown "x"' >&2
        echo 'pg_restore: error: could not execute query: ERROR:  other' >&2
        exec sleep 60
    """
    with run(script, reads=True, forgiving='unknown "x"') as tool:
        assert tool.wait(nothing) != 0

    assert tool.complaints().endswith("ERROR:  other")
