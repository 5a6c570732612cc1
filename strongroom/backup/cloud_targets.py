"""Where snapshots are restored to: new volumes in a zone, or a new database that RDS runs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.backup.errors import TargetKindError

_ZONE = re.compile(r"[a-z]{2}-[a-z0-9-]{3,40}")
_NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,62}(?<!-)")


@dataclass(frozen=True, slots=True)
class VolumeTargetRequest:
    """A new volume of each one in the backup, or of those in `only`, in an availability zone."""

    zone: str
    volume_type: str | None = None
    only: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the name that would confirm an overwrite; nothing is ever overwritten here."""
        return self.zone

    @property
    def exclusion(self) -> str | None:
        """Return None: two restores make two volumes."""
        return None

    def as_args(self) -> dict[str, Any]:
        """Return the form that a job carries."""
        return {"kind": "volume", "zone": self.zone, "volume_type": self.volume_type, "only": list(self.only)}


@dataclass(frozen=True, slots=True)
class RdsTargetRequest:
    """A new DB instance or cluster of a name that is free; what is not said is as RDS chooses it."""

    database: str
    instance_class: str | None = None
    subnet_group: str | None = None
    security_groups: tuple[str, ...] = ()
    several_zones: bool = False

    @property
    def name(self) -> str:
        """Return the name that would confirm an overwrite; nothing is ever overwritten here."""
        return self.database

    @property
    def exclusion(self) -> str | None:
        """Return the key under which one restore at a time works on the target."""
        return f"rds:{self.database}"

    def as_args(self) -> dict[str, Any]:
        """Return the form that a job carries."""
        return {
            "kind": "rds",
            "database": self.database,
            "instance_class": self.instance_class,
            "subnet_group": self.subnet_group,
            "security_groups": list(self.security_groups),
            "several_zones": self.several_zones,
        }


CloudTargetRequest = VolumeTargetRequest | RdsTargetRequest


def parse_cloud_target(args: Mapping[str, Any]) -> CloudTargetRequest | None:
    """Read a target from a job's arguments, None where it is of another kind."""
    match args:
        case {"kind": "volume", "zone": str(zone)}:
            return VolumeTargetRequest(zone, args.get("volume_type"), tuple(args.get("only", ())))
        case {"kind": "rds", "database": str(database)}:
            return RdsTargetRequest(
                database,
                args.get("instance_class"),
                args.get("subnet_group"),
                tuple(args.get("security_groups", ())),
                bool(args.get("several_zones")),
            )
    return None


def verify_cloud_target(target: CloudTargetRequest, source_kind: str) -> None:
    """Check that the target fits what the backup holds; raises TargetKindError."""
    if isinstance(target, VolumeTargetRequest):
        _verify_volumes(target, source_kind)
    elif source_kind != "rds":
        raise TargetKindError(
            f"A backup of kind {source_kind} is not restored into RDS.", next_step="Name another target for it."
        )
    elif not _NAME.fullmatch(target.database):
        raise TargetKindError(
            f"{target.database[:70]!r} is not a name that RDS takes.",
            next_step="Use letters, digits and single hyphens, beginning with a letter; at most 63.",
        )


def _verify_volumes(target: VolumeTargetRequest, source_kind: str) -> None:
    if source_kind != "ebs":
        raise TargetKindError(
            f"A backup of kind {source_kind} is not restored into volumes.", next_step="Name another target for it."
        )
    if not _ZONE.fullmatch(target.zone):
        raise TargetKindError(
            f"{target.zone[:70]!r} is not an availability zone.", next_step="Name one such as eu-west-1a."
        )


def verify_parts(target: object, facts: Mapping[str, Any]) -> None:
    """Check that the backup holds every volume that is asked for; raises TargetKindError."""
    parts = {part["name"] for part in facts.get("parts", ())}
    unknown = sorted(set(target.only) - parts) if isinstance(target, VolumeTargetRequest) else []
    if unknown:
        raise TargetKindError(
            f"The backup holds no volume {unknown[0][:70]}.", next_step=f"It holds: {', '.join(sorted(parts))}."
        )
