"""Pausing, resuming and deadlines, as people ask for them."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run, events


def queued(installed: Run, *options: str) -> str:
    code, out, err = installed("backup", "run", "uploads", "--no-wait", *options)
    assert code == 0, err
    return out.strip()


def shown(installed: Run, job: str) -> dict[str, object]:
    document: dict[str, object] = json.loads(installed("jobs", "show", job, "--json")[1])
    return document


def test_a_paused_queue_is_listed_and_warned_of_until_it_is_resumed(installed: Run) -> None:
    queued(installed)
    assert installed("queues", "pause", "backup", "--reason", "disk change")[0] == 0

    queues = {queue["queue"]: queue for queue in json.loads(installed("queues", "list", "--json")[1])["items"]}
    assert (queues["backup"]["waiting"], queues["backup"]["paused"]) == (1, True)
    assert queues["backup"]["reason"] == "disk change"
    assert "@" in queues["backup"]["paused_by"]
    assert not queues["copy"]["paused"]
    assert "disk change" in installed("queues", "list")[1]
    assert "Warning: queue backup is paused" in installed("status")[1]
    assert json.loads(installed("status", "--json")[1])["paused_queues"][0]["queue"] == "backup"

    assert installed("queues", "resume", "backup")[1].startswith("Queue backup is not paused.")
    assert "Warning" not in installed("status")[1]


@pytest.mark.parametrize("words", [("pause", "backup"), ("pause", "nothing", "--reason", "x"), ("resume", "control")])
def test_a_pause_needs_a_reason_and_a_queue_of_jobs(installed: Run, words: tuple[str, ...]) -> None:
    assert installed("queues", *words)[0] == 2


def test_a_job_is_paused_and_runs_after_it_was_resumed(installed: Run) -> None:
    job = queued(installed)
    assert installed("jobs", "pause", job)[1] == f"Job {job} is paused.\n"

    code, _, err = installed("jobs", "run", job)
    assert code == 11
    assert f"strongroom jobs resume {job}" in err

    assert installed("jobs", "resume", job)[1] == f"Job {job} is queued.\n"
    assert installed("jobs", "run", job)[0] == 0
    assert installed("jobs", "pause", job)[0] == 11


def test_a_backup_that_is_run_by_its_id_gets_its_copies(installed: Run) -> None:
    job = queued(installed)

    code, out, err = installed("jobs", "run", job, "--json")

    assert code == 0, err
    assert {replica["state"] for replica in events(out)[-1]["replicas"]} == {"present"}
    assert "Every source is protected" in installed("status")[1]


@pytest.mark.parametrize(("spelled", "seconds"), [("6h", 21600), ("90m", 5400), ("1d12h", 129600), ("45s", 45)])
def test_a_deadline_is_spelled_as_people_do(installed: Run, spelled: str, seconds: int) -> None:
    job = shown(installed, queued(installed, "--deadline", spelled))

    deadline, created = (datetime.fromisoformat(str(job[name])) for name in ("deadline_at", "created_at"))
    assert (deadline - created).total_seconds() == seconds


@pytest.mark.parametrize("spelled", ["6", "h", "0h", "-1h", "12:00", "9999d", ""])
def test_what_is_no_length_of_time_is_refused(installed: Run, spelled: str) -> None:
    code, _, err = installed("backup", "run", "uploads", "--deadline", spelled)

    assert code == 2
    assert "length of time" in err


def test_a_kind_gets_its_deadline_from_the_settings(installed: Run, tmp_path: Path) -> None:
    file = tmp_path / "strongroom.toml"
    file.write_text(file.read_text() + "\n[jobs]\nbackup_deadline_seconds = 3600\n")

    assert shown(installed, queued(installed))["deadline_at"] is not None


def test_jobs_of_every_kind_are_found_by_their_source(installed: Run, backed_up: str, tmp_path: Path) -> None:
    assert installed("restore", "run", backed_up, "--target", f"{tmp_path}/restored", "--here")[0] == 0
    assert installed("backup", "verify", backed_up, "--here")[0] == 0

    found = json.loads(installed("jobs", "list", "--source", "uploads", "--json")[1])["items"]

    kinds = {job["kind"] for job in found}
    assert kinds == {"backup.run", "replication.copy", "restore.run", "verification.run"}
