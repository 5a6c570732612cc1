"""The process edge of the command: every error becomes a message and an exit code here, and nowhere else."""

import gc
import io
import os
import sys
import traceback
from collections.abc import Sequence

import click
from click.exceptions import NoArgsIsHelpError

from strongroom.cli.errors import (
    CommandLineError,
    JobFailedError,
    OutputError,
    UnexpectedError,
    WaitInterruptedError,
)
from strongroom.cli.root import root
from strongroom.cli.screen import as_json, discard, write
from strongroom.cycles import rare_cycle_searches
from strongroom.errors import ExitCode, StrongroomError


def run_process() -> int:
    """Run the command as all that this process does, and return its exit code."""
    _prepare_streams()
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
        return report.unwritten(error) if _is_output_broken() else report.unexpected(error)


def _prepare_streams() -> None:
    """Have streams that whoever called has closed, too: writing to stdout fails then, and messages are lost."""
    # Else the first file that is opened takes their number, and what is printed goes into it.
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    raw = getattr(sys.stdout, "buffer", None)
    # As PYTHONUNBUFFERED has it: what cannot be written would be gone, and nothing tell that this is what failed.
    if isinstance(raw, io.RawIOBase):
        kept = io.BufferedWriter(raw)
        sys.stdout = io.TextIOWrapper(kept, encoding=sys.stdout.encoding, errors=sys.stdout.errors)
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def _is_output_broken() -> bool:
    """Say whether something was printed that cannot be written: it stays in the stream then."""
    try:
        sys.stdout.flush()
    except OSError:
        return True
    return False


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
                write(sys.stderr, _help_after(error))
                return ExitCode.USAGE
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "strongroom"
        return self.expected(CommandLineError(error.format_message(), next_step=f"See `{command} --help`."))

    def unexpected(self, error: Exception) -> int:
        if self._with_traceback:
            write(sys.stderr, "".join(traceback.format_exception(error)).rstrip("\n"))
        what = f"Something went wrong that Strongroom did not expect ({type(error).__name__})."
        next_step = "Run the command again with -v, and report what it prints as a fault."
        return self.expected(UnexpectedError(what, next_step=next_step))

    def unread(self) -> int:
        # Whoever read the output has gone.
        discard(sys.stdout)
        return ExitCode.FAILURE

    def unwritten(self, error: Exception) -> int:
        discard(sys.stdout)
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        next_step = "Send it elsewhere, or make room. What the command did stays done: look before you give it again."
        return self.expected(OutputError(f"The output could not be written: {why}.", next_step=next_step))

    def message(self, exit_code: ExitCode, code: str, what: str, next_step: str) -> int:
        if self._as_json:
            fields = {"exit_code": int(exit_code), "code": code, "message": what, "next_step": next_step}
            text = as_json({"message_type": "exit_error", **fields}, sys.stderr)
        else:
            text = "\n".join(filter(None, [f"Error: {what}", next_step, f"({code}, exit code {exit_code:d})"]))
        write(sys.stderr, text)
        return exit_code
