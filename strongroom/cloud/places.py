"""Where in AWS the snapshots of a region are, and what keeps those of a kind of source."""

from collections.abc import Mapping
from typing import Any

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient, access_of
from strongroom.cloud.ebs import EbsSnapshots
from strongroom.cloud.errors import RegionWithoutAwsError
from strongroom.cloud.rds import RdsSnapshots
from strongroom.cloud.snapshots import SnapshotService
from strongroom.settings import RegionAwsSettings, Settings, SnapshotSourceSettings


class AwsPlaces:
    """The AWS regions of an installation, each asked for the first time when it is needed.

    Make one for each attempt of a job: what changed in credentials meanwhile is read anew.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[str, AwsClient] = {}
        self._keys: dict[str, str] = {}

    def client(self, region: str) -> AwsClient:
        """Return the client for a region of the settings; raises UnknownRegionError, RegionWithoutAwsError."""
        if region not in self._clients:
            self._clients[region] = AwsClient(access_of(self._aws(region), region))
        return self._clients[region]

    def key(self, region: str) -> str:
        """Return the ARN of the KMS key that snapshots in the region are encrypted under."""
        if region not in self._keys:
            answer = self.client(region).call(AwsCall.DESCRIBE_KEY, KeyId=self._aws(region).kms_key)
            self._keys[region] = answer["KeyMetadata"]["Arn"]
        return self._keys[region]

    def _aws(self, region: str) -> RegionAwsSettings:
        aws = self._settings.get_region(region).aws
        if aws is None:
            raise RegionWithoutAwsError(
                f"Region {region} does not say where in AWS snapshots are kept.",
                next_step=f'Write `[regions.{region}.aws]` with `kms_key = "..."`.',
            )
        return aws


def service_of(source_kind: str, facts: Mapping[str, Any]) -> SnapshotService:
    """Return what keeps the snapshots of a backup, as its kind of source and its facts say."""
    return EbsSnapshots() if source_kind == "ebs" else RdsSnapshots(cluster=bool(facts.get("cluster")))


def regions_of(settings: Settings, source: SnapshotSourceSettings) -> list[str]:
    """Return the regions that the source's policy asks for, the one that the source is in first."""
    here = source.region or settings.home.name
    return sorted(settings.regions_of(source.policy), key=lambda region: region != here)
