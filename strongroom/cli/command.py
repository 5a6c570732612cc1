"""Commands as this program has them: help with examples first, the same options everywhere, groups that load late."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

import click
from click.shell_completion import CompletionItem

from strongroom.cli.acts import acting_locally
from strongroom.cli.invocation import Invocation

EnumT = TypeVar("EnumT", bound=StrEnum)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    invocation = context.ensure_object(Invocation)
    if value:
        setattr(invocation, str(parameter.name), value)


def shared_options() -> list[click.Parameter]:
    """Return new instances of the options that every command has."""
    path = click.Path(dir_okay=False, path_type=Path)
    return [
        click.Option(["--config"], type=path, expose_value=False, callback=_keep, help="Use this strongroom.toml."),
        click.Option(["--json"], is_flag=True, expose_value=False, callback=_keep, help="Print JSON."),
        click.Option(
            ["--quiet", "-q"], is_flag=True, expose_value=False, callback=_keep, help="Print data and errors only."
        ),
        click.Option(
            ["--verbose", "-v"], count=True, expose_value=False, callback=_keep, help="Say more; repeat for still more."
        ),
    ]


class ValueOf(click.Choice[str], Generic[EnumT]):
    """One of the values of an enum, spelled as it is stored; the command gets the member."""

    def __init__(self, enum: type[EnumT]) -> None:
        super().__init__([member.value for member in enum])
        self._enum = enum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> EnumT:
        """Return the member with this value; raises BadParameter."""
        return self._enum(super().convert(str(value), param, ctx))


class Command(click.Command):
    """A command that begins its help with examples and has the shared options."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.params.extend(shared_options())

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, in the name of whoever gives it."""
        with acting_locally(ctx):
            return super().invoke(ctx)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the usual help."""
        write_examples(self.examples, formatter)
        super().format_help(ctx, formatter)


class Group(click.Group):
    """A group whose commands are of this module's kind."""

    command_class = Command


@dataclass(frozen=True, slots=True)
class LateCommand:
    """A command that is imported when it is called: `module:attribute`, and its one line in the list of commands."""

    target: str
    summary: str


class LateGroup(click.Group):
    """Knows its commands by name, so that printing the version, say, imports none of them."""

    def __init__(self, *args: Any, late: dict[str, LateCommand], examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.late = late
        self.examples = examples
        self.params.extend(shared_options())

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order they are shown."""
        return list(self.late)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self.late:
            return None
        module, _, attribute = self.late[cmd_name].target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands, and the options, that begin so; imports none of them."""
        fitting = [(name, late.summary) for name, late in self.late.items() if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=summary) for name, summary in fitting]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the usual help."""
        write_examples(self.examples, formatter)
        super().format_help(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in self.late.items()])


class Program(LateGroup):
    """The top of the program, which also knows what its commands are for."""

    def __init__(self, *args: Any, purposes: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.purposes = purposes

    def overview(self, ctx: click.Context) -> str:
        """Return what fits on any screen: examples, and the names of the commands by what they are for."""
        formatter = ctx.make_formatter()
        write_examples(self.examples, formatter)
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(purpose, ", ".join(names)) for purpose, names in self.purposes.items()])
        formatter.write_paragraph()
        formatter.write_text(f"`{ctx.command_path} --help` says what each is for, and `COMMAND --help` how it is used.")
        return formatter.getvalue().rstrip()


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write example command lines as the first thing of a help page."""
    if not examples:
        return
    formatter.write_heading("Examples" if len(examples) > 1 else "Example")
    for example in examples:
        formatter.write(f"  {example}\n")
    formatter.write_paragraph()
