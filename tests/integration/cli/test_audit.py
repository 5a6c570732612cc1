"""`strongroom audit`: who did what, in the order it happened, and whether that is still what was written."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from strongroom.access.principals import PrincipalKind
from strongroom.audit.acting import Actor, acting
from strongroom.audit.events import AuditEvent, Outcome
from strongroom.audit.keeping import HeadKeeping
from strongroom.audit.recording import record_alone
from strongroom.audit.verifying import AuditLog
from strongroom.runtime import Runtime, build_runtime
from strongroom.settings import load_settings
from tests.integration.audit.tampering import Intruder
from tests.integration.cli.conftest import Run, events
from tests.integration.cli.test_destroying import opened
from tests.services.audit import audit_rows

ANA = Actor(PrincipalKind.OPERATOR, "0197f3c2", "ana", "192.0.2.1", "POST /v1/restores", request_id="r1", trace_id="t1")
BENTO = Actor(PrincipalKind.OPERATOR, "0197f3c3", "bento", operation="POST /v1/restores")


@pytest.fixture
def runtime(installed: Run, tmp_path: Path) -> Runtime:
    """The installation's runtime, in whose log ana was refused twice and bento did something."""
    built = build_runtime(load_settings(tmp_path / "strongroom.toml", {}))
    with acting(ANA):
        record_alone(built.catalog, AuditEvent("authz_fail", "crm", Outcome.REFUSED, "low role"))
        record_alone(built.catalog, AuditEvent("authn_login_fail", "crm", Outcome.REFUSED))
    with acting(BENTO):
        record_alone(built.catalog, AuditEvent("user_updated", "ana"))
    return built


def keep(runtime: Runtime) -> None:
    HeadKeeping(AuditLog(runtime.catalog, runtime.purpose_keys, runtime.stores), runtime.clock).keep()


def told(run: Run, *words: str) -> list[str]:
    code, out, err = run("audit", "tail", "--json", *words)
    assert code == 0, err
    return [event["action"] for event in events(out) if event["actor_kind"] == "operator"]


def test_the_newest_rows_are_printed_the_oldest_of_them_first(run: Run, runtime: Runtime) -> None:
    assert told(run) == ["authz_fail", "authn_login_fail", "user_updated"]
    assert told(run, "--limit", "1", "--actor", "bento") == ["user_updated"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--actor", "ana"), ["authz_fail", "authn_login_fail"]),
        (("--actor", "0197f3c3"), ["user_updated"]),
        (("--action", "authz_fail"), ["authz_fail"]),
        (("--target", "ana"), ["user_updated"]),
        (("--outcome", "done"), ["user_updated"]),
        (("--trace", "t1", "--request", "r1"), ["authz_fail", "authn_login_fail"]),
        (("--since", "2h"), ["authz_fail", "authn_login_fail", "user_updated"]),
        (("--since", "2999-01-01"), []),
    ],
)
def test_rows_are_found_by_who_what_and_when(run: Run, runtime: Runtime, words: tuple[str, ...], expected: list[str]):
    assert told(run, *words) == expected


def test_whoever_reads_it_is_in_it(run: Run, runtime: Runtime) -> None:
    assert run("audit", "tail", "--actor", "ana", "--limit", "5")[0] == 0

    (row,) = audit_rows(runtime.catalog, action="sensitive_read")
    assert (row.actor_kind, row.operation, row.target, row.reason) == (
        "local", "cli: audit tail", "audit log", "actor=ana",
    )  # fmt: skip


def test_looking_at_silences_leaves_no_row(run: Run, runtime: Runtime) -> None:
    before = len(audit_rows(runtime.catalog))
    assert run("alerts", "silence", "--list")[0] == 0
    assert len(audit_rows(runtime.catalog)) == before


def test_a_line_says_who_from_where_what_and_why(run: Run, runtime: Runtime) -> None:
    code, out, _ = run("audit", "tail", "--action", "authz_fail")

    assert code == 0
    for word in ("ana (192.0.2.1)", "authz_fail", "crm", "refused: low role", "[POST /v1/restores]"):
        assert word in out


def test_a_moment_that_cannot_be_read_is_a_mistake_in_the_call(run: Run, runtime: Runtime) -> None:
    code, _, err = run("audit", "tail", "--since", "yesterday")

    assert code == 2
    assert "90min" in err


def test_following_goes_on_with_what_happens(runtime: Runtime, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "strongroom", "audit", "tail", "--follow", "--json", "--actor", "bento"]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE
    ) as tail:
        assert tail.stdout is not None
        assert json.loads(tail.stdout.readline())["action"] == "user_updated"
        with acting(BENTO):
            record_alone(runtime.catalog, AuditEvent("user_created", "carla"))
        assert json.loads(tail.stdout.readline())["target"] == "carla"
        tail.send_signal(signal.SIGINT)

    assert tail.returncode == 130


def test_a_log_that_nobody_touched_is_said_to_be_whole(run: Run, runtime: Runtime) -> None:
    keep(runtime)

    code, out, err = run("audit", "verify", "--json")

    assert code == 0, err
    document = json.loads(out)
    assert document["broken"] is None
    assert document["rows_checked"] == document["sequence"] >= 3
    assert {one["kept_sequence"] for one in document["regions"]} == {document["sequence"]}
    assert run("audit", "verify", "--new")[1].startswith("0 rows checked")


def test_a_log_that_was_changed_ends_with_15_and_the_row(run: Run, runtime: Runtime) -> None:
    with runtime.catalog.read() as session:
        sequence = session.connection().exec_driver_sql("SELECT max(sequence) - 1 FROM audit_log").scalar_one()
    Intruder(runtime.catalog).edit(sequence, {"target": "another"})

    code, out, err = run("audit", "verify")

    assert code == 15
    assert f"Row {sequence} was changed" in err
    code, out, err = run("audit", "verify", "--json")
    assert (code, json.loads(out)["broken"]["sequence"]) == (15, sequence)


def test_regions_that_have_kept_nothing_are_told_of(run: Run, runtime: Runtime) -> None:
    code, _, err = run("audit", "verify")

    assert code == 0
    assert "no region has kept the end" in err


def test_an_older_catalog_that_was_put_back_is_accepted_by_the_code_of_an_admin(
    run: Run, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admins = opened(tmp_path / "strongroom.toml", monkeypatch)
    catalog, older = tmp_path / "data" / "catalog.db", tmp_path / "older.db"
    runtime.close()
    shutil.copy(catalog, older)
    with acting(ANA):
        record_alone(runtime.catalog, AuditEvent("user_updated", "what is lost"))
    keep(runtime)
    runtime.close()
    shutil.copy(older, catalog)
    code, out, err = run("audit", "verify", "--json")
    head = json.loads(out)["lost"][-1]["head"]
    assert code == 15
    assert f"strongroom audit accept {head}" in err

    words = ("audit", "accept", head, "--reason", "the disk died")
    admins.verify_asked(lambda *said: run(*said)[0], words, lambda: run("audit", "verify")[0] == 15)
    assert run("audit", "accept", "7.00", "--reason", "the disk died", *admins.type_codes("ana"))[0] == 11
    assert run(*words, *admins.type_codes("ana"))[0] == 0

    code, out, err = run("audit", "verify")
    assert code == 0, err
    for word in (head, "ana", "the disk died"):
        assert word in out
    done = [(row.action, row.operation) for row in audit_rows(runtime.catalog, reason="the disk died")]
    assert done == [("audit_break_accepted", "cli: audit accept")]
    (used,) = audit_rows(runtime.catalog, action="step_up_used", outcome="done")
    assert (used.actor_name, used.target) == ("ana", head)
