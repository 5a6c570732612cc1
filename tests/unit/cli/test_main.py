"""Every way a command can end has its exit code and its message, in words and in JSON."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import click
import pytest

import strongroom
from strongroom import errors
from strongroom.cli.command import Command, LateCommand
from strongroom.cli.errors import JobFailedError, WaitInterruptedError
from strongroom.cli.invocation import Invocation
from strongroom.cli.main import main
from strongroom.cli.root import COMMANDS, PURPOSES, root
from strongroom.errors import ExitCode, StrongroomError

HEAVY = {"alembic", "boto3", "botocore", "cryptography", "pydantic", "rich", "sqlalchemy", "zstandard"}

ending: list[BaseException] = []


@click.command("end", cls=Command)
def end() -> NoReturn:
    """End as the test says."""
    raise ending[-1]


@click.command("talk", cls=Command)
@click.pass_obj
def talk(invocation: Invocation) -> None:
    """Print something, and say something."""
    invocation.screen.say("a message")
    invocation.screen.line("an answer")


@pytest.fixture(autouse=True)
def _ending_command() -> Iterator[None]:
    late = dict(root.late)
    root.late["talk"] = LateCommand(f"{__name__}:talk", "Print something, and say something.")
    root.late["end"] = LateCommand(f"{__name__}:end", "End as the test says.")
    yield
    root.late.clear()
    root.late.update(late)


def run_ending_in(error: BaseException, *options: str) -> int:
    ending.append(error)
    return main(["end", *options])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.StrongroomError, 1),
        (errors.InvalidInputError, 2),
        (errors.NotFoundError, 10),
        (errors.ConflictError, 11),
        (errors.CannotDecryptError, 12),
        (errors.NotAllowedError, 13),
        (errors.UnavailableError, 14),
        (errors.IntegrityError, 15),
        (WaitInterruptedError, 130),
    ],
)
def test_an_error_ends_in_the_code_of_its_category(
    error: type[StrongroomError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_ending_in(error("It broke.", next_step="Mend it.")) == code
    assert capsys.readouterr().err == f"Error: It broke.\nMend it.\n({error.code}, exit code {code})\n"


def test_a_failed_job_ends_in_the_code_of_its_own_error(capsys: pytest.CaptureFixture[str]) -> None:
    error = JobFailedError("It failed.", next_step="Look.", job_code="storage.full", ends_in=ExitCode.INTEGRITY)
    assert run_ending_in(error) == 15
    assert "(storage.full, exit code 15)" in capsys.readouterr().err


def test_with_json_an_error_is_one_line_on_stderr_and_stdout_stays_empty(capsys: pytest.CaptureFixture[str]) -> None:
    run_ending_in(errors.NotFoundError("It is not there.", next_step="Look elsewhere."), "--json")
    output = capsys.readouterr()
    assert output.out == ""
    assert json.loads(output.err) == {
        "message_type": "exit_error",
        "exit_code": 10,
        "code": "strongroom.not_found",
        "message": "It is not there.",
        "next_step": "Look elsewhere.",
    }


def test_an_unexpected_error_shows_its_kind_and_not_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_ending_in(RuntimeError("password=hunter2")) == 1
    message = capsys.readouterr().err
    assert "RuntimeError" in message
    assert "hunter2" not in message


def test_a_verbose_call_shows_where_an_unexpected_error_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    run_ending_in(RuntimeError("here"), "-v")
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_ends_in_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_ending_in(KeyboardInterrupt()) == 130
    assert "Interrupted." in capsys.readouterr().err


@pytest.mark.parametrize("words", [["bakcup"], ["end", "--no-such-option"], ["end", "superfluous"]])
def test_a_wrong_command_line_ends_in_2_and_points_to_the_help(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert "--help`" in capsys.readouterr().err


def test_without_arguments_an_overview_fits_on_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    overview = capsys.readouterr().err
    assert "Usage: strongroom" in overview
    assert len(overview.splitlines()) <= 25


def test_the_overview_names_each_command_once() -> None:
    for added in ("end", "talk"):
        root.late.pop(added)
    named = [name for names in PURPOSES.values() for name in names]
    assert sorted(named) == sorted(COMMANDS)


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"strongroom {strongroom.__version__}\n"


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["no-such-command"]])
def test_the_start_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys; from strongroom.cli.main import main; main(sys.argv[1:]); "
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert HEAVY & set(run.stderr.split()) == set()


def test_the_package_runs_as_a_module() -> None:
    run = subprocess.run([sys.executable, "-m", "strongroom", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("strongroom ")


def test_a_reader_that_went_away_is_no_crash() -> None:
    command = f"{sys.executable} -m strongroom --help | true"
    run = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("words", [["--json", "end"], ["end", "--json"]])
def test_shared_options_stand_before_or_after_the_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    ending.append(errors.StrongroomError("It broke.", next_step=""))
    main(words)
    assert json.loads(capsys.readouterr().err)["message"] == "It broke."


@pytest.mark.parametrize("words", ["strongroom b", "strongroom backup ru"])
def test_a_shell_completes_commands(words: str) -> None:
    env = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_STRONGROOM_COMPLETE": "bash_complete"}
    program = [sys.executable, "-m", "strongroom"]
    run = subprocess.run(program, capture_output=True, text=True, check=False, env={**os.environ, **env})
    assert run.stdout.split() == ["plain,backup" if words == "strongroom b" else "plain,run"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_a_shell_is_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_STRONGROOM_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("end",), ("end", "--json")])
def test_what_an_error_names_does_nothing_to_a_terminal(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    name = "evil\x1b[2J\x9b\u202ename"
    ending.append(errors.NotFoundError(f"There is no {name}.", next_step="Look again."))
    assert main(words) == ExitCode.NOT_FOUND
    err = capsys.readouterr().err
    assert not {"\x1b", "\x9b", "\u202e"} & set(err)
    if "--json" in words:
        assert json.loads(err)["message"] == f"There is no {name}."


@pytest.mark.parametrize("words", [["talk"], ["-v", "talk"], ["--help"], ["completion", "bash"]])
def test_output_that_cannot_be_written_is_said_once_and_without_a_traceback(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main(words) == ExitCode.FAILURE

    said = capsys.readouterr().err
    assert "could not be written: No space left on device" in said
    assert "(cli.output, exit code 1)" in said
    assert "Traceback" not in said


def test_messages_that_cannot_be_written_stop_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stderr", full)
        assert main(["talk"]) == ExitCode.OK

    assert capsys.readouterr().out == "an answer\n"


@pytest.mark.parametrize(
    ("rest", "code", "said"),
    [
        ("completion bash >&-", 1, "could not be written: Bad file descriptor"),
        ("completion bash >/dev/full", 1, "could not be written: No space left on device"),
        ("completion bash >&- 2>&-", 1, ""),
        ("nothing 2>/dev/full", 2, ""),
        ("nothing 2>&-", 2, ""),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_process_whose_streams_are_closed_or_full_ends_in_order(
    rest: str, code: int, said: str, unbuffered: str
) -> None:
    command = ["bash", "-c", f'"$0" -m strongroom {rest}', sys.executable]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert re.findall(r"Traceback|Exception ignored", ended.stderr) == []


def test_whoever_has_read_enough_hears_no_complaint() -> None:
    unread, written = os.pipe()
    os.close(unread)
    command = [sys.executable, "-m", "strongroom", "completion", "bash"]
    ended = subprocess.run(command, stdout=written, stderr=subprocess.PIPE, text=True, check=False)
    os.close(written)

    assert (ended.returncode, ended.stderr) == (1, "")
