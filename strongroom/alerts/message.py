"""A message as it is to be said: made once, kept in the outbox, put into each channel's language when it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from strongroom.catalog.alerts import NoticeReason, Severity


@dataclass(frozen=True, slots=True)
class Subject:
    """One alert in a message, in the words of the requirement; times are RFC 3339 in UTC."""

    id: str
    backup_id: str | None
    type: str
    severity: str
    message: str
    timestamp: str
    resolved: bool
    dedup_key: str
    state: str
    cause: str
    source: str | None
    region: str | None
    policy: str | None
    job_id: str | None
    trace_id: str | None
    count: int
    since: str
    next_step: str
    runbook: str
    link: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the fields as other programs read them, `backupId` in the requirement's spelling."""
        values = asdict(self)
        values["backupId"] = values.pop("backup_id")
        return values


@dataclass(frozen=True, slots=True)
class Message:
    """What is said: why, in one line, and about which alerts."""

    id: str
    reason: NoticeReason
    title: str
    subjects: tuple[Subject, ...]
    note: str = ""

    @property
    def severity(self) -> Severity:
        """Return how bad the worst of it is."""
        worst = max((Severity(subject.severity) for subject in self.subjects), key=lambda s: s.rank, default=None)
        return worst or Severity.LOW

    @property
    def trace_id(self) -> str | None:
        """Return the trace that led to it, where all that it is about has the same one."""
        traces = {subject.trace_id for subject in self.subjects}
        return traces.pop() if len(traces) == 1 else None

    @property
    def resolved(self) -> bool:
        """Say whether the message is that something is over."""
        return self.reason is NoticeReason.RESOLVED

    @property
    def text(self) -> str:
        """Return the whole message for people."""
        parts = [self.title, *([self.note] if self.note else []), *(_paragraph(subject) for subject in self.subjects)]
        return "\n\n".join(parts)

    def as_stored(self) -> dict[str, Any]:
        """Return what the outbox keeps."""
        return asdict(self)

    @classmethod
    def of_stored(cls, values: Mapping[str, Any]) -> "Message":
        """Read what the outbox kept."""
        subjects: Sequence[Mapping[str, Any]] = values["subjects"]
        return cls(
            id=values["id"],
            reason=NoticeReason(values["reason"]),
            title=values["title"],
            subjects=tuple(Subject(**subject) for subject in subjects),
            note=values.get("note", ""),
        )


def _paragraph(subject: Subject) -> str:
    lines = [
        f"{subject.severity.upper()} {subject.type}: {subject.message}",
        f"Since {subject.since}, seen {subject.count} times." if subject.count > 1 else f"Since {subject.since}.",
        f"Next: {subject.next_step}",
        f"Runbook: {subject.runbook}",
        *([f"Page: {subject.link}"] if subject.link else []),
        *([f"Trace: {subject.trace_id}"] if subject.trace_id else []),
        f"Acknowledge: strongroom alerts ack {subject.id}",
    ]
    return "\n".join(lines[:-1] if subject.resolved else lines)
