"""docs/cli.md shows the help of every command as the command prints it, and every exit code."""

import re

import click
import pytest

from strongroom.cli.command import LateGroup
from strongroom.cli.root import COMMANDS, root
from strongroom.errors import ExitCode
from tests.policy.command_page import PAGE, contexts

ALL = {context.command_path: context for context in contexts(root)}


def documented() -> dict[str, str]:
    page = PAGE.read_text(encoding="utf-8")
    return dict(re.findall(r"^##+ `(strongroom[^`]*)`\n\n```text\n(.*?)\n```$", page, flags=re.MULTILINE | re.DOTALL))


def test_the_page_has_every_command_in_order() -> None:
    assert list(documented()) == list(ALL)


@pytest.mark.parametrize("path", ALL)
def test_the_help_is_documented_as_it_is_printed(path: str) -> None:
    assert documented()[path] == ALL[path].get_help()


@pytest.mark.parametrize(
    "path", [path for path, context in ALL.items() if not isinstance(context.command, click.Group)]
)
def test_the_help_of_a_command_begins_with_an_example_of_it(path: str) -> None:
    first, second = ALL[path].get_help().splitlines()[:2]
    assert first in {"Example:", "Examples:"}
    assert path in second


@pytest.mark.parametrize(
    "path", [path for path, context in ALL.items() if not isinstance(context.command, click.Group)]
)
def test_every_command_has_the_shared_options(path: str) -> None:
    options = {option for parameter in ALL[path].command.params for option in parameter.opts}
    assert {"--config", "--json", "--quiet", "-q", "--verbose", "-v"} <= options


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    assert isinstance(root, LateGroup)
    command = root.get_command(click.Context(root), name)
    assert command is not None
    assert COMMANDS[name].summary == command.get_short_help_str(limit=200)


def test_every_exit_code_is_documented() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert rows == [(str(int(code)), code.name) for code in ExitCode]
