"""What the suite's listener knows and hears: a leak that is planted fails a run."""

import base64
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.canaries import Listener, arguments_of, find_secrets

PROJECT = Path(__file__).resolve().parents[3]

TOKEN = "strongroom_ci_" + "a" * 43 + "_1B2c3D"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.abcdefghijklmnopqrstuvwxyz_-", ["login"]),
        (f"refused {TOKEN} of somebody", ["service"]),
        ("GET /auth/validate-session?session_id=0Zr3f6tB1yUQeWq8bVfVh2KkzqJrXW2YJm3n5p7r9tA HTTP/1.1", ["session"]),
        ("otpauth://totp/Strongroom:ana?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", ["enrolment", "secret"]),
        ("code 7KQ2-M9X4-0ABC-DEFG-HJKM-NPQR is used", ["backup"]),
        ("GET /auth/validate-session?session_id=[4f1c9a2e] of 0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d", []),
        ("strongroom_sessions_refused_total 4", []),
    ],
)
def test_a_secret_is_known_by_its_shape(text: str, kinds: list[str]) -> None:
    assert find_secrets(text) == kinds


def test_a_listener_hears_messages_and_tracebacks_and_keeps_no_secret() -> None:
    listener, logger = Listener(), logging.Logger("test", logging.DEBUG)
    logger.addHandler(listener)
    logger.info("the token %s was shown", TOKEN)
    try:
        raise LookupError(TOKEN)
    except LookupError:
        logger.exception("it failed")
    assert len(listener.heard) == 2
    assert TOKEN not in str(listener.heard)


LEAKS = """
import logging, subprocess, sys
import celery
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from strongroom.accounts import totp
from strongroom.errors import StrongroomError
from tests.services.collector import Collector

TOKEN = "strongroom_ci_" + "a" * 43 + "_1B2c3D"

def test_log():
    logging.getLogger("strongroom.x").warning("it is %s", TOKEN)

def test_traceback():
    try:
        raise LookupError(TOKEN)
    except LookupError:
        logging.getLogger("strongroom.x").exception("it failed")

def test_code():
    logging.getLogger("strongroom.x").warning("code %s is right", totp.code_at("JBSWY3DPEHPK3PXP" * 2, 1))

def test_error():
    StrongroomError("It is wrong.", next_step="Look.", token=TOKEN)

def test_task():
    app = celery.Celery(broker="memory://")
    app.send_task("backup.run", kwargs={"token": TOKEN})

def test_span():
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    service = resource.resource.attributes.add(key="service.name")
    service.value.string_value = "api"
    resource.scope_spans.add().spans.add(name=f"GET /?token={TOKEN}")
    Collector("").take(request.SerializeToString())

def test_nothing():
    logging.getLogger("strongroom.x").warning("code 000000 of 0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d is wrong")

def test_child(tmp_path):
    with (tmp_path / "child.log").open("ab") as log:
        subprocess.run([sys.executable, "-c", f"print('Bearer {TOKEN}')"], stdout=log, check=True)
"""


def run_planted(folder: Path, which: str) -> tuple[int, str]:
    """Run a suite of its own that leaks; return its exit code and what it printed."""
    (folder / "test_leaks.py").write_text(LEAKS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-rE", "-p", "tests.services.canaries", "-p", "no:cacheprovider"]
    command += ["-c", os.devnull, "--rootdir", str(folder), "--basetemp", str(folder / "tmp"), "-k", which]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [*command, str(folder / "test_leaks.py")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # This run looks at logs as well.
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    assert TOKEN not in done.stdout.partition("= ERRORS =")[0]
    return done.returncode, done.stdout


def test_a_leak_of_any_kind_fails_the_test_in_which_it_happens(tmp_path: Path) -> None:
    code, said = run_planted(tmp_path, "not child")

    assert code == pytest.ExitCode.TESTS_FAILED, said
    leaking = re.findall(r"^ERROR \S+::test_(\w+)", said, re.MULTILINE)
    assert leaking == ["log", "traceback", "code", "error", "task", "span"]


def test_a_leak_in_the_log_of_a_process_fails_the_run_though_its_tests_pass(tmp_path: Path) -> None:
    code, said = run_planted(tmp_path, "child or nothing")

    assert code == pytest.ExitCode.TESTS_FAILED
    assert "2 passed" in said
    assert "service in " in said
    assert "child.log" in said


def test_a_run_without_a_leak_passes(tmp_path: Path) -> None:
    assert run_planted(tmp_path, "nothing")[0] == pytest.ExitCode.OK


def test_arguments_of_tasks_are_read_in_a_broker() -> None:
    body = base64.b64encode(f'[[], {{"token": "{TOKEN}"}}]'.encode())
    command = b'LPUSH backup {"body": "' + body + b'", "content-encoding": "utf-8"}'

    assert find_secrets(arguments_of(command)) == ["service"]
    assert find_secrets(arguments_of(command.replace(b'"', b'\\"'))) == ["service"]
    assert arguments_of(b"PING") == ""
