"""Every command that does more than read, given: each leaves its row, with who, what became of it, and both ids."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.audit.ending import End
from strongroom.catalog.audit import AuditFilter, AuditRow, list_audit_after
from strongroom.cli.actor import actor
from tests.integration.cli.acts_done import COMMANDS, FAIL, NAMES, PASSWORD, Place
from tests.integration.cli.conftest import Run
from tests.integration.cli.shop import DATABASE, application
from tests.services.valkey import Valkey

ENDS = {0, 3, 4}
"""Also where something was found wrong, or a region was away."""


STANDBY = """
[standbys.shop]
region = "us-east-1"
primary = { host = "127.0.0.1", port = 1, user = "postgres", password_env = "PAIR" }
standby = { host = "127.0.0.1", port = 2, user = "postgres", password_env = "PAIR" }
"""


@pytest.fixture
def place(installed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """An installation with a backup, and a pair of databases that is away; no operator has a second factor."""
    monkeypatch.setenv("STRONGROOM_SECRETS_PASSPHRASE", "correct horse battery")
    monkeypatch.setenv("PAIR", "nobody listens there")
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write(f"[policies.operational-data]\nretention_days = 90\ncompliance = []\n{DATABASE}{STANDBY}")
    password = tmp_path / PASSWORD[1]
    password.write_text("correct horse battery staple\n")
    password.chmod(0o600)
    with application(tmp_path, monkeypatch) as url:
        made = Place(installed, tmp_path, monkeypatch, url)
        made.backup()
        yield made


@pytest.fixture
def redis(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis for one-time sessions."""
    monkeypatch.setenv("REDIS_HOST", "127.0.0.1")
    monkeypatch.setenv("REDIS_PORT", str(valkey.port))
    monkeypatch.setenv("REDIS_PASSWORD", valkey.password)


def rows_since(place: Place, sequence: int) -> list[AuditRow]:
    runtime = place.open()
    with runtime.catalog.read() as session:
        rows = list_audit_after(session, AuditFilter(), sequence, 500)
    runtime.close()
    return rows


def end_of(place: Place) -> int:
    runtime = place.open()
    end = End.find(runtime.catalog)
    runtime.close()
    assert end is not None
    return end.sequence


def wrong_with(place: Place, name: str, words: tuple[str, ...], outcomes: set[str], ends: set[int]) -> str | None:
    """Give a command, and say what its rows lack."""
    before = end_of(place)
    code, _, err = place.run(*words)
    if (code in ENDS) != (code in ends or ends == ENDS):
        return f"{name}: ended with {code}: {err}"
    rows = [row for row in rows_since(place, before) if row.operation == f"cli: {name}"]
    mine = [row for row in rows if row.outcome in outcomes]
    who = {(row.actor_kind, row.actor_name) for row in mine}
    named = NAMES.get(name, f"cli: {name}") in {row.action for row in mine} or name not in NAMES
    if who != {("local", actor())} or not named or not all(row.trace_id and row.request_id for row in mine):
        return f"{name}: {code} {err} {[(row.action, row.outcome, row.reason, row.actor_name) for row in rows]}"
    return None


@pytest.mark.usefixtures("redis")
def test_each_leaves_a_row_of_what_was_done_by_whom_with_both_ids(place: Place) -> None:
    said = [wrong_with(place, name, words(place), {"done"}, ENDS) for name, words in COMMANDS.items()]
    wrong = [one for one in said if one is not None]
    assert wrong == [], "\n".join(wrong)


def test_what_fails_leaves_a_row_too(place: Place) -> None:
    said = [wrong_with(place, name, words, {"failed", "refused"}, set()) for name, words in FAIL.items()]
    wrong = [one for one in said if one is not None]
    assert wrong == [], "\n".join(wrong)
