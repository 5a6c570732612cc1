"""What the doctor finds wrong."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a stable code, what it is, and what to do. No secret is in it."""

    code: str
    what: str
    next_step: str
