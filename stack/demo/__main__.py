"""`make demo`."""

import signal
import sys
from types import FrameType

from rich.console import Console

from stack.demo.scene import open_scene
from stack.demo.story import Story
from strongroom.errors import ExitCode, StrongroomError
from strongroom.settings import process_environment


def main() -> int:
    """Play the demo and return its exit code: 0 only if everything came back as it was."""
    # Ending the demo from outside must end what it started, too.
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(highlight=False)
    console.print("[bold]0. Make sample data: a PostgreSQL database and a directory[/bold]")
    try:
        with open_scene() as scene:
            Story(scene, console).play(process_environment())
    except StrongroomError as error:
        console.print(f"\n[red]The demo failed.[/red] {error}", markup=True)
        return ExitCode.FAILURE
    except KeyboardInterrupt:
        console.print("\nInterrupted; everything is stopped and removed.")
        return ExitCode.INTERRUPTED
    console.print("\n[green]Everything came back as it was. Nothing is left running.[/green]")
    return ExitCode.OK


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
