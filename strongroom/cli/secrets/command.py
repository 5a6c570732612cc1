"""A command of `strongroom secrets`: has `--logfile`, and speaks the language of the terminal."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from strongroom.cli.command import Command
from strongroom.cli.secrets.logfile import logging_to, named
from strongroom.clock import SystemClock

_META = "strongroom.cli.secrets.logfile"


def _keep(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    context.meta[_META] = value


class SecretsCommand(Command):
    """A command whose output, log and errors go to a file as well, where `--logfile` is given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        help_text = "Write what happens to this file too; an empty name makes secrets_YYYYMMDD_HHMMSS.log."
        self.params.append(click.Option(["--logfile"], expose_value=False, callback=_keep, help=help_text))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        logfile = ctx.meta.get(_META)
        with nullcontext() if logfile is None else logging_to(named(logfile, SystemClock().now())):
            return super().invoke(ctx)


env_file_option = click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of column keys; by default that of `[column_keys]`, else .env.crypto.",
)
yes_option = click.option("--yes", is_flag=True, help="Answer every question with yes.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only show what would be done.")
