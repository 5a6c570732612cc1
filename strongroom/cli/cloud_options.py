"""The options that say how a snapshot becomes a volume or a database."""

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

import click

from strongroom.backup.cloud_targets import CloudTargetRequest, RdsTargetRequest, VolumeTargetRequest
from strongroom.catalog.backups import Backup

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class CloudOptions(TypedDict):
    """The options that `cloud_options` gives a command."""

    volumes: tuple[str, ...]
    volume_type: str | None
    instance_class: str | None
    subnet_group: str | None
    security_groups: tuple[str, ...]
    several_zones: bool


def cloud_options(function: FunctionT) -> FunctionT:
    """Give a command the options about snapshots."""
    options = (
        click.option("--volume", "volumes", multiple=True, metavar="ID", help="Only this EBS volume; repeat."),
        click.option("--volume-type", metavar="TYPE", help="Type of the new EBS volumes, such as gp3."),
        click.option("--instance-class", metavar="CLASS", help="Class of the new RDS instance, such as db.t4g.medium."),
        click.option("--subnet-group", metavar="NAME", help="Subnet group of the new RDS database."),
        click.option(
            "--security-group",
            "security_groups",
            multiple=True,
            metavar="ID",
            help="Group of the database; repeat.",
        ),
        click.option("--several-zones", is_flag=True, help="Give the new RDS instance a standby in another zone."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def read_cloud_target(backup: Backup, spelled: str | None, options: CloudOptions) -> CloudTargetRequest:
    """Return the target: an availability zone for volumes, the name of a new database for RDS."""
    if backup.source_kind == "ebs":
        if spelled is None:
            raise click.UsageError("Name the availability zone of the new volumes: --target eu-west-1a")
        return VolumeTargetRequest(spelled, options["volume_type"], options["volumes"])
    return RdsTargetRequest(
        spelled or f"{backup.source}-restored",
        options["instance_class"],
        options["subnet_group"],
        options["security_groups"],
        options["several_zones"],
    )
