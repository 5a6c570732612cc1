"""Writes the help of every command into docs/cli.md: `make docs`, or `python -m tests.policy.command_page`."""

from collections.abc import Iterator
from pathlib import Path

import click

from strongroom.cli.root import root
from tests.policy.project import ROOT

PAGE = ROOT / "docs" / "cli.md"
WIDTH = 100


def contexts(command: click.Command, parent: click.Context | None = None) -> Iterator[click.Context]:
    """Yield a context for a command and for all commands below it."""
    settings = {} if parent else command.context_settings
    context = click.Context(command, parent=parent, info_name=command.name, terminal_width=WIDTH, **settings)
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from contexts(below, context)


def render() -> str:
    """Return the help of all commands, each under its own heading."""
    return "\n".join(_section(context) for context in contexts(root))


def write(page: Path = PAGE) -> None:
    """Replace what stands in the page from the first command on."""
    start, _, _ = page.read_text(encoding="utf-8").partition("## `strongroom`\n")
    page.write_text(start + render(), encoding="utf-8")


def _section(context: click.Context) -> str:
    level = "###" if context.command_path.count(" ") > 1 else "##"
    return f"{level} `{context.command_path}`\n\n```text\n{context.get_help()}\n```\n"


if __name__ == "__main__":
    write()
