"""The process edge of the command: every error becomes a message and an exit code here, and nowhere else."""

import gc
import os
import sys
import traceback
from collections.abc import Sequence

import click
from click.exceptions import NoArgsIsHelpError

from strongroom.cli.errors import CommandLineError, JobFailedError, UnexpectedError, WaitInterruptedError
from strongroom.cli.root import root
from strongroom.cli.screen import as_json, write
from strongroom.cycles import rare_cycle_searches
from strongroom.errors import ExitCode, StrongroomError


def run_process() -> int:
    """Run the command as all that this process does, and return its exit code."""
    code = main()
    # Python searches everything for cycles twice while it ends, which takes a third of a second; the end gives it back.
    gc.freeze()
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; prints one message for whatever went wrong."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    report = _Report(
        as_json="--json" in words, with_traceback=any(word in {"-v", "-vv", "--verbose"} for word in words)
    )
    try:
        # From here on, as the command's own imports make more objects than most commands do.
        with rare_cycle_searches():
            return int(root.main(words, prog_name="strongroom", standalone_mode=False) or ExitCode.OK)
    except StrongroomError as error:
        return report.expected(error)
    except (click.Abort, click.ClickException) as error:
        return report.refused(error)
    except BrokenPipeError:
        return report.unread()
    except Exception as error:
        return report.unexpected(error)


def _help_after(error: NoArgsIsHelpError) -> str:
    """Return the overview for whoever typed the program's name alone, else the help of the group of commands."""
    return root.overview(error.ctx) if error.ctx.command is root else error.format_message()


class _Report:
    def __init__(self, *, as_json: bool, with_traceback: bool) -> None:
        self._as_json = as_json
        self._with_traceback = with_traceback

    def expected(self, error: StrongroomError) -> int:
        if isinstance(error, JobFailedError):
            return self.message(error.ends_in, error.job_code, error.what, error.next_step)
        return self.message(error.exit_code, error.code, error.what, error.next_step)

    def refused(self, error: click.Abort | click.ClickException) -> int:
        match error:
            case click.Abort():
                return self.expected(WaitInterruptedError("Interrupted.", next_step=""))
            case NoArgsIsHelpError():
                sys.stderr.write(_help_after(error) + "\n")
                return ExitCode.USAGE
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "strongroom"
        return self.expected(CommandLineError(error.format_message(), next_step=f"See `{command} --help`."))

    def unexpected(self, error: Exception) -> int:
        if self._with_traceback:
            traceback.print_exception(error, file=sys.stderr)
        what = f"Something went wrong that Strongroom did not expect ({type(error).__name__})."
        next_step = "Run the command again with -v, and report what it prints as a fault."
        return self.expected(UnexpectedError(what, next_step=next_step))

    def unread(self) -> int:
        # Whoever read the output has gone; without this the interpreter complains once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILURE

    def message(self, exit_code: ExitCode, code: str, what: str, next_step: str) -> int:
        if self._as_json:
            fields = {"exit_code": int(exit_code), "code": code, "message": what, "next_step": next_step}
            text = as_json({"message_type": "exit_error", **fields}, sys.stderr)
        else:
            text = "\n".join(filter(None, [f"Error: {what}", next_step, f"({code}, exit code {exit_code:d})"]))
        write(sys.stderr, text)
        return exit_code
