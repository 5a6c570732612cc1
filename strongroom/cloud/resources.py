"""What a source's permissions are about: the resources and conditions that policies may name."""

from dataclasses import dataclass
from typing import Any

from strongroom.cloud.snapshots import BACKUP_TAG
from strongroom.settings import EbsSourceSettings, RdsSourceSettings, SourceSettings
from strongroom.settings.aws_feeds import CloudWatchLogsSourceSettings, S3SourceSettings

CONTEXT: list[dict[str, Any]] = [
    {"ContextKeyName": f"{prefix}/{BACKUP_TAG}", "ContextKeyValues": ["any"], "ContextKeyType": "string"}
    for prefix in ("aws:ResourceTag", "aws:RequestTag", "ec2:ResourceTag", "rds:db-tag", "rds:snapshot-tag")
] + [
    {"ContextKeyName": "aws:TagKeys", "ContextKeyValues": [BACKUP_TAG], "ContextKeyType": "stringList"},
    {"ContextKeyName": "ec2:CreateAction", "ContextKeyValues": ["CreateSnapshot"], "ContextKeyType": "string"},
    {"ContextKeyName": "kms:GrantIsForAWSResource", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"},
]
"""The conditions under which the calls are made, as far as the policies of docs/aws.md look at them."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls; `principal` is what policies are attached to."""

    arn: str
    account: str
    principal: str

    @classmethod
    def of(cls, arn: str) -> "Identity":
        """Read an ARN as STS tells it: that of a session of a role stands for the role."""
        account = arn.split(":")[4]
        if ":assumed-role/" not in arn:
            return cls(arn, account, arn)
        partition, role = arn.split(":")[1], arn.split("/")[1]
        return cls(arn, account, f"arn:{partition}:iam::{account}:role/{role}")

    @property
    def is_root(self) -> bool:
        """Say whether this is the account itself, which no policy of its own restricts."""
        return self.arn.endswith(":root")


def resources_for(
    permission: str, source: SourceSettings, region: str, account: str, key: str | None
) -> tuple[str, ...]:
    """Return the ARNs that a permission of the source is about, `*` where it is about none in particular."""
    service, _, action = permission.partition(":")
    if service == "kms" or action.startswith("Describe"):
        return (key or "*",) if service == "kms" else ("*",)
    if isinstance(source, EbsSourceSettings):
        return _of_volumes(action, source, region, account)
    if isinstance(source, RdsSourceSettings):
        return _of_databases(action, source, f"arn:aws:rds:{region}:{account}")
    if isinstance(source, S3SourceSettings):
        bucket = f"arn:aws:s3:::{source.bucket}"
        return (bucket,) if action.startswith("List") else (f"{bucket}/{source.prefix}any",)
    if isinstance(source, CloudWatchLogsSourceSettings):
        return tuple(f"arn:aws:logs:{region}:{account}:log-group:{group}:*" for group in source.groups)
    return ("*",)


def _of_volumes(action: str, source: EbsSourceSettings, region: str, account: str) -> tuple[str, ...]:
    # Snapshots belong to no account, in the words of their ARN.
    snapshot, volume = f"arn:aws:ec2:{region}::snapshot/snap-0", f"arn:aws:ec2:{region}:{account}:volume/"
    if action == "CreateSnapshot":
        return (volume + (source.volume or "vol-0"), snapshot)
    return (f"{volume}vol-0", snapshot) if action == "CreateVolume" else (snapshot,)


def _of_databases(action: str, source: RdsSourceSettings, prefix: str) -> tuple[str, ...]:
    name = source.instance or source.cluster
    noun, shot = ("cluster", "cluster-snapshot") if "Cluster" in action else ("db", "snapshot")
    ours = f"{prefix}:{shot}:strongroom-any"
    if action in {"CreateDBSnapshot", "CreateDBClusterSnapshot"}:
        return (f"{prefix}:{noun}:{name}", ours)
    if action.startswith("Restore"):
        return (f"{prefix}:{noun}:{name}-restored", ours)
    return (f"{prefix}:db:{name}-restored",) if action == "CreateDBInstance" else (ours,)
