"""Every command that does more than read, given: each leaves its row, with who, what became of it, and both ids."""

from pathlib import Path

import pytest

from strongroom.audit.ending import End
from strongroom.catalog.audit import AuditFilter, AuditRow, list_audit_after
from strongroom.cli.actor import actor
from tests.integration.cli.acts_done import COMMANDS, FAIL, NAMES, PASSWORD, Place
from tests.integration.cli.conftest import Run

ENDS = {0, 3, 4}
"""Also where something was found wrong, or a region was away."""


@pytest.fixture
def place(installed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An installation with a backup, without operators who have second factors."""
    monkeypatch.setenv("STRONGROOM_SECRETS_PASSPHRASE", "correct horse battery")
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write("[policies.operational-data]\nretention_days = 90\ncompliance = []\n")
    password = tmp_path / PASSWORD[1]
    password.write_text("correct horse battery staple\n")
    password.chmod(0o600)
    made = Place(installed, tmp_path)
    made.backup()
    return made


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


def test_each_leaves_a_row_of_what_was_done_by_whom_with_both_ids(place: Place) -> None:
    said = [wrong_with(place, name, words(place), {"done"}, ENDS) for name, words in COMMANDS.items()]
    wrong = [one for one in said if one is not None]
    assert wrong == [], "\n".join(wrong)


def test_what_fails_leaves_a_row_too(place: Place) -> None:
    said = [wrong_with(place, name, words, {"failed", "refused"}, set()) for name, words in FAIL.items()]
    wrong = [one for one in said if one is not None]
    assert wrong == [], "\n".join(wrong)
