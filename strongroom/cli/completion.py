"""`strongroom completion`: the script that teaches a shell the commands."""

import click
from click.shell_completion import get_completion_class

from strongroom.cli.command import Command
from strongroom.cli.root import root


@click.command(
    "completion",
    cls=Command,
    examples=(
        'eval "$(strongroom completion bash)"',
        "strongroom completion fish > ~/.config/fish/completions/strongroom.fish",
    ),
    short_help="Print the completion script of a shell.",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    Load it from the shell's start-up file.
    """
    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(script(root, {}, "strongroom", "_STRONGROOM_COMPLETE").source())
