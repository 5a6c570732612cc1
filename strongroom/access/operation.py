"""What the table says about one operation."""

from dataclasses import dataclass
from enum import StrEnum

from strongroom.access.principals import Role, Scope


class Gravity(StrEnum):
    """What an operation can do at its worst, which decides the factors it needs."""

    READ = "read"
    RUN = "run"
    CHANGE = "change"
    """A factor within the last ten minutes."""
    DESTROY = "destroy"
    """A fresh factor for this very operation."""


class SourceIn(StrEnum):
    """Where a request names the source it is about; grants for some sources open nothing else."""

    NOWHERE = "nowhere"
    QUERY = "query"
    BODY = "body"
    ITEMS = "items"
    """In each of the body's `items`."""
    BACKUP = "backup"
    """It is the source of the backup in the path."""
    JOB = "job"
    """It is the source of the job in the path."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One route, command or step-up verb: who may call it, and what it needs."""

    name: str
    """`METHOD /path`, `cli: words` or the verb of a step-up."""
    role: Role
    scope: Scope | None
    """What a service token needs; None: no service token may."""
    gravity: Gravity
    second_person: bool = False
    delay: bool = False
    """Wait 24 hours where the source's policy says GDPR or SOX."""
    area: str = ""
    """What grants of service tokens call it: `backup` in `run:backup:shop`."""
    source_in: SourceIn = SourceIn.NOWHERE
    enrolling: bool = False
    """An operator who has yet to enrol a factor may call it."""
    public: str | None = None
    """Why everybody may call it, without showing who they are."""
