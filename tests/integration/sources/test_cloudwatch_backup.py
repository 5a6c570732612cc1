"""Log groups, backed up hour by hour and restored: the cursor, late events, gaps, and what may go wrong."""

import dataclasses
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from sqlalchemy import update

from strongroom.backup.errors import KindNotOfferedError
from strongroom.backup.kinds import RequestedKind
from strongroom.backup.restore_requests import RestoreRequest, request_restore
from strongroom.backup.targets import LogGroupTargetRequest
from strongroom.catalog.jobs import Job
from strongroom.clock import SystemClock
from strongroom.sources.cloudwatch.events import GroupEvents
from tests.integration.backup.conftest import TRACE, House, files, small_house
from tests.services.aws import FaultProxy
from tests.services.s3 import TEST_CLIENT

__all__ = ["small_house"]

SOURCE = """
[sources.logs]
kind = "cloudwatch-logs"
groups = ["/{group}/*"]
days = {days}
requests_per_second = 1000.0
region = "eu-west-1"
endpoint = "{endpoint}"
access_key_env = "AWS_ID"
secret_key_env = "AWS_SECRET"
{more}
"""
HOUR = timedelta(hours=1)


class Ahead(SystemClock):
    """A clock that is ahead of the servers'."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return super().now() + self.ahead


class LogHouse:
    """Log groups behind a proxy that can go wrong, and an installation that backs them up."""

    def __init__(self, house: House, proxy: FaultProxy) -> None:
        self.house, self.proxy = house, proxy
        self.name = f"shop-{secrets.token_hex(6)}"
        session = boto3.session.Session("a", "b", region_name="eu-west-1")
        self.client = session.client("logs", endpoint_url=proxy.target, config=TEST_CLIENT)
        self.configure()

    def configure(self, more: str = "", *, days: int = 1) -> None:
        text = SOURCE.format(group=self.name, endpoint=self.proxy.url, more=more, days=days)
        self.house.configure(text, AWS_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET="secret")

    def set_ahead(self, ahead: timedelta) -> None:
        self.house.services = dataclasses.replace(self.house.services, clock=Ahead(ahead))

    def group(self, name: str = "web", retention: int | None = None) -> str:
        full = f"/{self.name}/{name}"
        self.client.create_log_group(logGroupName=full)
        self.client.create_log_stream(logGroupName=full, logStreamName="one")
        self.client.create_log_stream(logGroupName=full, logStreamName="two")
        if retention:
            self.client.put_retention_policy(logGroupName=full, retentionInDays=retention)
        return full

    def put(self, group: str, hours_ago: float, message: str, stream: str = "one") -> None:
        at = int((datetime.now(UTC) - timedelta(hours=hours_ago)).timestamp() * 1000)
        event = {"timestamp": at, "message": message}
        self.client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])

    def attempt(self, kind: RequestedKind = RequestedKind.AUTO) -> Job:
        return self.house.run(self.house.request("logs", kind))

    def back_up(self, kind: RequestedKind = RequestedKind.AUTO) -> Job:
        job = self.attempt(kind)
        assert job.state == "succeeded", job.last_error
        return job

    def restored(self, backup: Job, target: str = "restored") -> dict[str, bytes]:
        job = self.house.restore(backup, target=target)
        assert job.state == "succeeded", job.last_error
        return files(self.house.directory / target)

    def messages(self, backup: Job, target: str = "restored") -> list[str]:
        found = self.restored(backup, target)
        return [
            json.loads(line)["message"]
            for name in sorted(found)
            if name.endswith(".jsonl")
            for line in found[name].splitlines()
        ]

    def facts(self, backup: Job) -> dict[str, Any]:
        return self.house.backup(backup).facts or {}

    def restore_to(
        self, backup: Job, group: str, stream: str | None = None, *, overwrite: bool = False, confirm: str | None = None
    ) -> Job:
        target = LogGroupTargetRequest(group, stream, "logs")
        request = RestoreRequest(str(backup.id), None, target, overwrite, confirm, None, TRACE)
        return self.house.run(self.house.services.ledger.get(request_restore(self.house.services, request).id))

    def run_again(self, job: Job) -> Job:
        with self.house.services.catalog.begin() as session:
            session.execute(update(Job).where(Job.id == job.id).values(run_after=job.created_at))
        return self.house.run(self.house.services.ledger.get(job.id))

    def events(self, group: str) -> list[tuple[str, str]]:
        found = self.client.filter_log_events(logGroupName=group, interleaved=True)["events"]
        return [(event["logStreamName"], event["message"]) for event in found]

    def searches(self) -> int:
        return self.proxy.actions().count("FilterLogEvents")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a call made twice, not four times with growing waits."""
    monkeypatch.setattr("strongroom.aws.client.ATTEMPTS", 2)


@pytest.fixture
def logs(small_house: House, aws_regions: dict[str, FaultProxy]) -> LogHouse:
    return LogHouse(small_house, aws_regions["eu-west-1"])


def problems(job: Job) -> list[tuple[str, str]]:
    assert job.result is not None
    return [(problem["kind"], problem["reason"]) for problem in job.result["problems"]]


def code_of(job: Job) -> str | None:
    return None if job.last_error is None else str(job.last_error["code"])


def test_events_become_lines_of_the_file_of_their_hour(logs: LogHouse) -> None:
    group = logs.group()
    logs.put(group, 5, "first")
    logs.put(group, 5, "second", stream="two")
    logs.put(group, 3, "later")
    backup = logs.back_up()
    found = logs.restored(backup)
    at = datetime.now(UTC) - 5 * HOUR
    lines = [json.loads(line) for line in found[f"+{logs.name}+web/{at:%Y-%m-%d}/{at:%H}.jsonl"].splitlines()]
    assert [(line["stream"], line["message"]) for line in lines] == [("one", "first"), ("two", "second")]
    assert abs(lines[0]["timestamp"] / 1000 - at.timestamp()) < 60
    assert len([name for name in found if name.endswith(".jsonl")]) == 25
    assert logs.searches() == 1
    assert problems(backup) == []


def test_an_hour_that_is_over_is_not_asked_for_again(logs: LogHouse) -> None:
    group = logs.group()
    logs.put(group, 5, "old")
    logs.back_up()
    logs.put(group, 5, "much too late")
    logs.put(group, 0, "new")
    second = logs.back_up()
    assert logs.house.backup(second).kind == "incremental"
    assert logs.messages(second) == ["old", "new"]
    # The hour that is not over, and the one before it, of which events may still come.
    assert logs.facts(second)["hours_read"] in {2, 3}
    assert logs.facts(second)["hours_kept"] >= 22


def test_late_events_are_found_while_their_hour_settles(logs: LogHouse) -> None:
    logs.configure("settle_minutes = 360")
    group = logs.group()
    logs.put(group, 5, "in time")
    logs.back_up()
    logs.put(group, 5, "late")
    assert logs.messages(logs.back_up()) == ["in time", "late"]


def test_hours_stay_in_the_backup_when_they_have_gone_from_the_group(logs: LogHouse) -> None:
    group = logs.group()
    logs.put(group, 5, "kept")
    logs.back_up()
    logs.client.delete_log_group(logGroupName=group)
    logs.group()
    assert logs.messages(logs.back_up()) == ["kept"]


def test_hours_that_had_gone_before_they_were_read_are_a_gap_that_is_told_once(logs: LogHouse) -> None:
    logs.configure(days=3)
    group = logs.group(retention=1)
    logs.put(group, 5, "kept")
    logs.back_up()
    # No worker ran for longer than the group keeps its events.
    logs.set_ahead(timedelta(hours=40))
    late = logs.back_up()
    ((kind, reason),) = problems(late)
    assert kind == "vanished"
    assert "gone from CloudWatch Logs" in reason
    found = logs.restored(late)
    missing = sorted(name for name in found if name.endswith(".missing"))
    # From the hour of the first backup, which was not over, to the one that is a day before the second.
    assert logs.facts(late)["gap_hours"] == len(missing) in {17, 18}
    begun = datetime.fromisoformat(json.loads(found[missing[0]])["from"])
    assert 1 <= (datetime.now(UTC) - begun) / HOUR < 3
    assert logs.messages(late, "late") == ["kept"]
    logs.set_ahead(timedelta(hours=41))
    again = logs.back_up()
    assert problems(again) == []
    assert logs.facts(again)["gap_hours"] == len(missing)


def test_a_group_that_may_not_be_read_is_named_with_the_permission(logs: LogHouse) -> None:
    logs.put(logs.group("open"), 2, "seen")
    closed = logs.group("closed")
    logs.proxy.refuse(
        "FilterLogEvents", "AccessDeniedException", "no", when=lambda call: closed in call.fields.get("body", "")
    )
    job = logs.back_up()
    assert logs.messages(job) == ["seen"]
    assert [(kind, "logs:FilterLogEvents" in reason) for kind, reason in problems(job)] == [("unreadable", True)]
    assert job.result is not None
    assert job.result["partial"]


def test_what_an_earlier_backup_has_of_a_refused_group_stays(logs: LogHouse) -> None:
    group = logs.group()
    logs.put(group, 0, "of an hour that is not final")
    logs.back_up()
    logs.put(logs.group("open"), 2, "seen")
    logs.proxy.refuse(
        "FilterLogEvents", "AccessDeniedException", "no", when=lambda call: group in call.fields.get("body", "")
    )
    job = logs.back_up()
    assert sorted(logs.messages(job)) == ["of an hour that is not final", "seen"]
    assert [kind for kind, _ in problems(job)] == ["unreadable"]


def test_half_a_character_ends_no_backup(logs: LogHouse) -> None:
    logs.put(logs.group(), 2, "cut here")
    logs.proxy.replace("FilterLogEvents", "cut here", "cut \\ud83d")
    assert logs.messages(logs.back_up()) == ["cut ?"]


def test_groups_that_are_all_refused_make_no_backup(logs: LogHouse) -> None:
    logs.group()
    logs.proxy.refuse("FilterLogEvents", "AccessDeniedException", "no")
    job = logs.attempt()
    assert (job.state, code_of(job)) == ("failed", "aws.permission_missing")


@pytest.mark.parametrize(
    ("code", "status", "state", "error"),
    [
        ("ThrottlingException", 400, "queued", "aws.unavailable"),
        ("AccessDeniedException", 400, "failed", "aws.permission_missing"),
        ("ExpiredTokenException", 400, "failed", "aws.credentials_expired"),
    ],
)
def test_a_listing_that_is_refused_is_repeated_only_where_that_may_help(
    logs: LogHouse, code: str, status: int, state: str, error: str
) -> None:
    logs.group()
    logs.proxy.refuse("DescribeLogGroups", code, status=status)
    job = logs.attempt()
    assert (job.state, code_of(job)) == (state, error)


def test_throttling_that_lasts_ends_the_attempt_and_the_next_goes_on(logs: LogHouse) -> None:
    first, second = logs.group("a"), logs.group("b")
    logs.put(first, 3, "one")
    logs.put(second, 3, "two")
    logs.proxy.refuse(
        "FilterLogEvents", "ThrottlingException", "slow", when=lambda call: second in call.fields.get("body", "")
    )
    job = logs.attempt()
    assert (job.state, code_of(job)) == ("queued", "aws.unavailable")
    logs.proxy.behave()
    done = logs.run_again(job)
    assert done.state == "succeeded", done.last_error
    assert logs.messages(done) == ["one", "two"]


def test_a_group_that_is_deleted_in_between_is_named(logs: LogHouse) -> None:
    logs.put(logs.group("stays"), 2, "seen")
    goes = logs.group("goes")
    logs.proxy.before("FilterLogEvents", lambda: logs.client.delete_log_group(logGroupName=goes) and None)
    job = logs.back_up()
    assert logs.messages(job) == ["seen"]
    assert [kind for kind, _ in problems(job)] == ["vanished"]


def test_no_group_of_the_name_is_a_clear_error(logs: LogHouse) -> None:
    job = logs.attempt()
    assert (job.state, code_of(job)) == ("failed", "sources.empty")


def test_pages_are_read_to_the_last_also_after_an_empty_one(logs: LogHouse) -> None:
    group = logs.group()
    logs.put(group, 3, "one")
    logs.put(group, 2, "two")
    real = GroupEvents._search

    def with_small_pages(self: GroupEvents, start: int) -> Iterator[dict[str, Any]]:
        for page in real(self, start):
            yield {"events": []}
            for event in page["events"]:
                yield {"events": [event]}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GroupEvents, "_search", with_small_pages)
        assert logs.messages(logs.back_up()) == ["one", "two"]


def test_a_differential_backup_of_log_groups_is_not_offered(logs: LogHouse) -> None:
    with pytest.raises(KindNotOfferedError):
        logs.house.request("logs", RequestedKind.DIFFERENTIAL)


def test_events_go_back_to_their_streams(logs: LogHouse) -> None:
    group = logs.group()
    logs.put(group, 5, "first")
    logs.put(group, 3, "second", stream="two")
    backup = logs.back_up()
    target = f"/{logs.name}-back/web"
    restored = logs.restore_to(backup, target)
    assert restored.state == "succeeded", restored.last_error
    assert logs.events(target) == [("one", "first"), ("two", "second")]
    merged = logs.restore_to(backup, f"{target}-merged", "all")
    assert merged.state == "succeeded"
    assert logs.events(f"{target}-merged") == [("all", "first"), ("all", "second")]
    refused = logs.restore_to(backup, target)
    assert (refused.state, code_of(refused)) == ("failed", "sources.target_not_empty")
    more = logs.restore_to(backup, target, overwrite=True, confirm=f"logs:{target}")
    assert more.state == "succeeded"
    assert len(logs.events(target)) == 4


def test_events_of_several_groups_keep_them_apart(logs: LogHouse) -> None:
    logs.put(logs.group("a"), 5, "from a")
    logs.put(logs.group("b"), 3, "from b")
    restored = logs.restore_to(logs.back_up(), f"/{logs.name}-back")
    assert restored.state == "succeeded", restored.last_error
    assert logs.events(f"/{logs.name}-back") == [
        (f"{logs.name}/a/one", "from a"),
        (f"{logs.name}/b/one", "from b"),
    ]


def test_events_that_are_not_taken_back_are_counted(logs: LogHouse) -> None:
    group = logs.group()
    logs.put(group, 5, "first")
    backup = logs.back_up()
    logs.proxy.answer("PutLogEvents", '{"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1}}')
    restored = logs.restore_to(backup, f"/{logs.name}-back")
    assert [reason.split()[0] for _, reason in problems(restored)] == ["1"]


def test_a_restore_that_was_cut_short_goes_on_with_the_next_hour(logs: LogHouse) -> None:
    group = logs.group()
    logs.put(group, 5, "first")
    logs.put(group, 3, "second")
    backup = logs.back_up()
    logs.proxy.refuse("PutLogEvents", "ThrottlingException", when=lambda call: "second" in call.fields.get("body", ""))
    job = logs.restore_to(backup, f"/{logs.name}-back")
    assert job.state == "queued"
    logs.proxy.behave()
    assert logs.run_again(job).state == "succeeded"
    assert [message for _, message in logs.events(f"/{logs.name}-back")] == ["first", "second"]
