"""What can be tried of a key provider, and what came of it."""

from dataclasses import dataclass
from enum import StrEnum


class Trial(StrEnum):
    """What is tried."""

    CONNECTIVITY = "connectivity"
    CONFORMANCE = "conformance"
    ENTROPY = "entropy"
    SYNC = "sync"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried; `detail` says what came instead, and never holds a key."""

    kind: Trial
    what: str
    passed: bool
    milliseconds: float
    detail: str = ""
