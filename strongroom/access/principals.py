"""Who asks: operators, machines with a service token, somebody at the machine itself, and Strongroom's own clock."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from fnmatch import fnmatchcase

from strongroom.access.errors import GrantInvalidError

ANY = "*"
_LONGEST_GRANT = 200


class Role(IntEnum):
    """What an operator is trusted with; each role may do what the ones before it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


class Scope(StrEnum):
    """What a service token is trusted with; none of them contains another, and none destroys."""

    READ = "read"
    RUN = "run"
    CHANGE = "change"


class PrincipalKind(StrEnum):
    """How it is known who asks."""

    OPERATOR = "operator"
    """An account, logged in."""
    SERVICE = "service"
    """A service token."""
    LOCAL = "local"
    """A user of the machine that holds the settings and the keys: the `strongroom` command."""
    STRANGER = "stranger"
    """Nobody knows who: a request before its token is looked at, or with one that is refused. May do nothing."""
    SYSTEM = "system"
    """Strongroom itself: Beat's ticks and the workers."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing a service token may do: `run:backup:shop-*` is scope, area of the operation, pattern of sources."""

    scope: Scope
    area: str = ANY
    sources: str = ANY

    @classmethod
    def parse(cls, text: str) -> "Grant":
        """Read `SCOPE`, `SCOPE:AREA` or `SCOPE:AREA:SOURCES`; raises GrantInvalidError."""
        scope, _, rest = text.partition(":")
        area, _, sources = rest.partition(":")
        if scope not in list(Scope) or len(text) > _LONGEST_GRANT or not text.isprintable():
            raise GrantInvalidError(
                "A grant begins with read, run or change.",
                next_step="Write it like read, run:backup or run:backup:SOURCE, where SOURCE may be a pattern.",
            )
        return cls(Scope(scope), area or ANY, sources or ANY)

    def __str__(self) -> str:
        return f"{self.scope}:{self.area}:{self.sources}"

    def covers(self, area: str, source: str | None) -> bool:
        """Say whether it holds for an area and a source; without a source only a grant for all sources does."""
        fits = self.sources == ANY if source is None else fnmatchcase(source, self.sources)
        return fits and self.area in (ANY, area)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as far as decisions need to know."""

    id: str
    name: str
    kind: PrincipalKind
    role: Role | None = None
    """Of operators."""
    scopes: frozenset[Grant] = frozenset()
    """Of service tokens."""
    factor_at: datetime | None = None
    """When an operator last showed the strongest factor that the account has."""
    session_id: str | None = None
    enrolling: bool = False
    """An operator who has to enrol a factor before anything else."""

    @property
    def signature(self) -> str:
        """Return how it is written down who did something: a token never looks like a person."""
        return f"token {self.name}" if self.kind is PrincipalKind.SERVICE else self.name


SYSTEM = Principal("system", "strongroom", PrincipalKind.SYSTEM)
"""Strongroom itself."""
