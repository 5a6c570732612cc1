"""JSON holds identifiers as text, times in UTC and nothing that only the ledger needs."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from strongroom.catalog.jobs import Job, JobState
from strongroom.cli.documents import plain, row_document


@dataclass(frozen=True)
class Sample:
    """A value with every type that is spelled out."""

    id: uuid.UUID
    when: datetime
    where: tuple[Path, ...]
    more: dict[str, datetime | None]


def test_values_become_what_json_has() -> None:
    when = datetime(2026, 11, 21, 4, 0, tzinfo=timezone(timedelta(hours=1)))
    sample = Sample(uuid.UUID(int=1), when, (Path("/a"),), {"then": when, "never": None})
    assert plain(sample) == {
        "id": "00000000-0000-0000-0000-000000000001",
        "when": "2026-11-21T03:00:00Z",
        "where": ["/a"],
        "more": {"then": "2026-11-21T03:00:00Z", "never": None},
    }


def test_a_job_is_shown_without_the_inner_workings_of_the_ledger() -> None:
    job = Job(id=uuid.UUID(int=1), kind="backup.run", state=JobState.RUNNING, created_at=datetime.now(UTC), fence=3)
    document = row_document(job)
    assert document["state"] == "running"
    assert not {"fence", "request_digest", "dedupe_key", "publish_count", "lease_until"} & set(document)
