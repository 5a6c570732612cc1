"""Data goes to stdout, messages to stderr, and the options decide what is said."""

import json

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
