"""What is found of a permission, whoever says it: the policy simulator of AWS, or a call that was tried."""

from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What AWS says of one permission."""

    ALLOWED = "allowed"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One permission in one AWS region; `why` says more where it is not simply allowed."""

    permission: str
    region: str
    answer: Answer
    why: str = ""
