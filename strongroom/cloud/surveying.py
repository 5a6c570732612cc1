"""What RDS says of a database: its size, whether it is encrypted, its zones and its standby."""

from dataclasses import asdict, dataclass
from typing import Any

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.cloud.errors import NotEncryptedError, NothingToSnapshotError
from strongroom.cloud.rds import GIB
from strongroom.cloud.snapshots import Part
from strongroom.settings import RdsSourceSettings


@dataclass(frozen=True, slots=True)
class DatabaseView:
    """A database as RDS tells it; `standbys` are zones or instances that would take over, `replicas` that only read."""

    part: Part
    status: str
    engine: str
    encrypted: bool
    several_zones: bool
    zone: str | None
    standbys: tuple[str, ...] = ()
    replicas: tuple[str, ...] = ()

    def as_state(self) -> dict[str, Any]:
        """Return what the catalog keeps of it."""
        state = asdict(self)
        del state["part"]
        return state


def look_at_database(client: AwsClient, source: RdsSourceSettings) -> DatabaseView:
    """Ask RDS for the source's instance or cluster; raises NothingToSnapshotError, NotEncryptedError."""
    if source.cluster is None:
        return _instance(_only(client, source, AwsCall.DESCRIBE_DB_INSTANCES, "DBInstance", source.instance or ""))
    view = _cluster(_only(client, source, AwsCall.DESCRIBE_DB_CLUSTERS, "DBCluster", source.cluster))
    if not view.encrypted:
        raise NotEncryptedError(
            f"Cluster {source.cluster} is not encrypted, and RDS cannot encrypt a snapshot of a cluster afterwards.",
            next_step="Restore a snapshot of it once into a cluster with a KMS key, and back that one up.",
        )
    return view


def _only(client: AwsClient, source: RdsSourceSettings, call: AwsCall, noun: str, name: str) -> dict[str, Any]:
    found = list(client.items(call, f"{noun}s", **{f"{noun}Identifier": name}))
    if not found:
        raise NothingToSnapshotError(
            f"There is no {source.place} in {client.region}.", next_step="Correct name and region of the source."
        )
    return found[0]


def _instance(answer: dict[str, Any]) -> DatabaseView:
    second = answer.get("SecondaryAvailabilityZone")
    return DatabaseView(
        part=Part(answer["DBInstanceIdentifier"], int(answer.get("AllocatedStorage", 0)) * GIB),
        status=answer.get("DBInstanceStatus", "unknown"),
        engine=answer.get("Engine", "unknown"),
        encrypted=bool(answer.get("StorageEncrypted")),
        several_zones=bool(answer.get("MultiAZ")),
        zone=answer.get("AvailabilityZone"),
        standbys=(second,) if second else (),
        replicas=tuple(sorted(answer.get("ReadReplicaDBInstanceIdentifiers", []))),
    )


def _cluster(answer: dict[str, Any]) -> DatabaseView:
    members = answer.get("DBClusterMembers", [])
    writer = next((one["DBInstanceIdentifier"] for one in members if one.get("IsClusterWriter")), None)
    readers = sorted(one["DBInstanceIdentifier"] for one in members if not one.get("IsClusterWriter"))
    return DatabaseView(
        part=Part(answer["DBClusterIdentifier"], int(answer.get("AllocatedStorage", 0)) * GIB),
        status=answer.get("Status", "unknown"),
        engine=answer.get("Engine", "unknown"),
        encrypted=bool(answer.get("StorageEncrypted")),
        several_zones=bool(answer.get("MultiAZ")),
        zone=writer,
        standbys=tuple(readers),
        replicas=tuple(sorted(answer.get("ReadReplicaIdentifiers", []))),
    )
