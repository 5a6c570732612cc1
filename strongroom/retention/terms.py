"""What a policy promises, as numbers that can be compared: is one at least as long as the other in everything?"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from strongroom.settings import PolicySettings


@dataclass(frozen=True, slots=True)
class Terms:
    """For how long, and how many, backups stay; every number keeps more when it is larger."""

    retention_days: int
    keep_last: int = 0
    keep_hourly: int = 0
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_monthly: int = 0
    keep_yearly: int = 0
    min_fulls: int = 0

    @classmethod
    def of(cls, policy: PolicySettings) -> "Terms":
        """Return what a configured policy promises."""
        return cls(**{field.name: getattr(policy, field.name) for field in fields(cls)})

    @classmethod
    def parse(cls, stored: dict[str, Any]) -> "Terms":
        """Return the terms that `as_json` stored; a rule that is newer than they are promised nothing then."""
        return cls(**{field.name: int(stored.get(field.name, 0)) for field in fields(cls)})

    def as_json(self) -> dict[str, int]:
        """Return the numbers by name, for the catalog."""
        return asdict(self)

    def both(self, other: "Terms") -> "Terms":
        """Return the terms that keep what either of the two keeps."""
        mine, its = self.as_json(), other.as_json()
        return Terms(**{name: max(mine[name], its[name]) for name in mine})

    def shorter_in(self, agreed: "Terms") -> tuple[str, ...]:
        """Name the numbers that are smaller than in the terms agreed upon before."""
        mine, its = self.as_json(), agreed.as_json()
        return tuple(name for name in mine if mine[name] < its[name])
