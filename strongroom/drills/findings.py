"""What a drill did and found, as it is kept and exported."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from strongroom.errors import StrongroomError

MOST_KEPT = 100
"""Checks that failed, and notes; more of them are only counted."""


class CheckKind(StrEnum):
    """What was compared: the answer to a question, rows with their count at backup time, content with its digest."""

    QUESTION = "question"
    ROWS = "rows"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked; `detail` never holds a value of the data."""

    kind: CheckKind
    name: str
    passed: bool
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the form of the report."""
        return {"kind": self.kind.value, "name": self.name, "passed": self.passed, "detail": self.detail}


@dataclass(slots=True)
class Findings:
    """Collected while a drill is held: what was restored, how long each phase took, and every check."""

    files: int = 0
    bytes: int = 0
    """What the source held."""
    restored_bytes: int = 0
    tables: int = 0
    rows: int = 0
    phases: dict[str, float] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    software: dict[str, str] = field(default_factory=dict)
    failure: StrongroomError | None = None

    @property
    def passed(self) -> bool:
        """Say whether everything was restored and every check held."""
        return self.failure is None and all(check.passed for check in self.checks)

    @property
    def seconds(self) -> float:
        """Return the measured recovery time: everything but the checks."""
        return sum(seconds for phase, seconds in self.phases.items() if phase != "checking")

    def fault(self) -> str:
        """Say in a sentence what was wrong first, or nothing."""
        if self.failure is not None:
            return self.failure.what
        failed = [check for check in self.checks if not check.passed]
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return f"The check {failed[0].name!r} did not hold: {failed[0].detail}{more}." if failed else ""

    def as_json(self) -> dict[str, Any]:
        """Return the part of the report that is about what was found; checks that failed come first."""
        checks = sorted(self.checks, key=lambda check: check.passed)
        return {
            "passed": self.passed,
            "fault": self.fault() or None,
            "failure": None if self.failure is None else _as_json(self.failure),
            "seconds": round(self.seconds, 3),
            "phases": {phase: round(seconds, 3) for phase, seconds in self.phases.items()},
            "files": self.files,
            "bytes": self.bytes,
            "restored_bytes": self.restored_bytes,
            "tables": self.tables,
            "rows": self.rows,
            "checks": [check.as_json() for check in checks[:MOST_KEPT]],
            "check_count": len(checks),
            "failed_check_count": sum(not check.passed for check in checks),
            "notes": self.notes[:MOST_KEPT],
            "note_count": len(self.notes),
            "software": self.software,
        }


def _as_json(error: StrongroomError) -> dict[str, str]:
    return {"code": error.code, "message": error.what, "next_step": error.next_step}
