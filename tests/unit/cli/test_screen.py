"""Data goes to stdout, messages to stderr, and the options decide what is said."""

import io
import json
import sys

import pytest

from strongroom.cli.screen import Screen


def test_data_and_messages_go_to_different_streams(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.line("data")
    screen.say("message")
    output = capsys.readouterr()
    assert (output.out, output.err) == ("data\n", "message\n")


def test_a_quiet_call_still_prints_data_and_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(quiet=True)
    screen.line("data")
    screen.say("message")
    screen.warn("careful")
    output = capsys.readouterr()
    assert (output.out, output.err) == ("data\n", "Warning: careful\n")


def test_a_json_call_prints_nothing_but_json(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(json=True)
    screen.event("status", done=1)
    screen.say("message")
    screen.warn("careful")
    output = capsys.readouterr()
    assert json.loads(output.out) == {"message_type": "status", "done": 1}
    assert json.loads(output.err) == {"message_type": "warning", "message": "careful"}


def test_figures_stand_to_the_right_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().table(("NAME", "#SIZE"), [("a", "1 B"), ("long name", "1000 B")])
    assert capsys.readouterr().out.splitlines() == [
        "NAME         SIZE",
        "a             1 B",
        "long name  1000 B",
    ]


def test_what_the_terminal_cannot_show_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().line("caf\udce9")
    assert capsys.readouterr().out == "caf\\udce9\n"


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().line("evil\x1b[2Jname")
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("turning", ["\u202e", "\u2066", "\u2028", "\u200f"])
def test_what_turns_the_direction_of_writing_or_ends_a_line_is_escaped(
    capsys: pytest.CaptureFixture[str], turning: str
) -> None:
    Screen().line(f"gpj{turning}exe")
    assert capsys.readouterr().out == f"gpj\\u{ord(turning):04x}exe\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "iso-8859-1"])
def test_what_is_escaped_in_json_can_still_be_read(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    value = {"path": "\x1b[2J\x7f\x9b\u202e caf\u00e9 \U0001f600 \udce9"}

    Screen(json=True).event("entry", **value)
    line, text = raw.getvalue(), raw.getvalue().decode(encoding)
    Screen(json=True).document(value)

    assert json.loads(text) == {"message_type": "entry"} | value
    assert json.loads(raw.getvalue()[len(line) :].decode(encoding)) == value
    assert not {"\x1b", "\x7f", "\x9b", "\u202e"} & set(text)
