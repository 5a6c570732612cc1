"""Settings of what is kept in AWS: how a region is asked, and sources that AWS itself takes snapshots of."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from strongroom.settings.fields import HttpUrl, Name, Section, Text
from strongroom.settings.levels import DatabaseLevelSettings
from strongroom.settings.schedules import FullScheduleSettings


class AwsAccessSettings(Section):
    """Which AWS region is asked, and as whom."""

    region: Text | None = Field(None, description="AWS region; else that of the table's name.", examples=["eu-west-1"])
    endpoint: HttpUrl | None = Field(
        None, description="Address of another server than that of AWS.", examples=["https://aws.example.org"]
    )
    access_key: SecretStr | None = Field(None, description="Access key id; without one the AWS default chain is used.")
    secret_key: SecretStr | None = Field(None, description="Secret of the access key.")
    session_token: SecretStr | None = Field(None, description="Token of a temporary access key.")

    @model_validator(mode="after")
    def _has_a_whole_key(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise PydanticCustomError("half_a_key", "`access_key_env` and `secret_key_env` belong together.")
        return self


class RegionAwsSettings(AwsAccessSettings):
    """Where snapshots of a region are kept, and the key they are encrypted under there."""

    kms_key: Text = Field(
        description="KMS key, in this AWS region, that snapshots are encrypted under.", examples=["alias/strongroom"]
    )


VolumeId = Annotated[str, Field(pattern=r"^vol-[0-9a-f]{8,17}$")]
Tag = Annotated[str, Field(pattern=r"^[^=]{1,128}=[^=]{0,256}$")]
DbName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,62}$")]

_REGION: str | None = Field(
    None, description="Region of this file that the source is in; else the home region.", examples=["eu-west-1"]
)


class EbsSourceSettings(Section):
    """EBS volumes that EC2 takes snapshots of."""

    name: Name
    kind: Literal["ebs"] = Field("ebs", description="What the source is: EBS volumes.")
    region: Name | None = _REGION
    volume: VolumeId | None = Field(None, description="The volume, where it is one.", examples=["vol-0123456789abcdef"])
    tag: Tag | None = Field(
        None, description="Instead of `volume`: the tag that all volumes of the source carry.", examples=["backup=yes"]
    )
    policy: Name = Field(
        "operational-data", description="Policy that says where the snapshots go and how long they stay."
    )
    schedule: FullScheduleSettings = Field(
        FullScheduleSettings.defaults(), description="When it is backed up by itself."
    )
    levels: DatabaseLevelSettings = Field(DatabaseLevelSettings.defaults(), description="What is promised for it.")

    @model_validator(mode="after")
    def _names_volumes_once(self) -> Self:
        if (self.volume is None) == (self.tag is None):
            raise PydanticCustomError(
                "volumes_once", 'Which volumes are meant is said once: `volume = "vol-..."` or `tag = "KEY=VALUE"`.'
            )
        return self

    @property
    def place(self) -> str:
        """Say in a few words which volumes are meant."""
        return self.volume or f"volumes tagged {self.tag}"


class RdsSourceSettings(Section):
    """A database instance or cluster that RDS takes snapshots of."""

    name: Name
    kind: Literal["rds"] = Field("rds", description="What the source is: an RDS instance or cluster.")
    region: Name | None = _REGION
    instance: DbName | None = Field(None, description="Name of the DB instance.", examples=["shop"])
    cluster: DbName | None = Field(None, description="Instead of `instance`: the DB cluster.", examples=["shop"])
    snapshots: Literal["manual", "automated"] = Field(
        "manual", description="Whether a snapshot is taken for each backup, or the newest that RDS took itself is kept."
    )
    policy: Name = Field("critical-data", description="Policy that says where the snapshots go and how long they stay.")
    schedule: FullScheduleSettings = Field(
        FullScheduleSettings.defaults(), description="When it is backed up by itself."
    )
    levels: DatabaseLevelSettings = Field(DatabaseLevelSettings.defaults(), description="What is promised for it.")

    @model_validator(mode="after")
    def _names_the_database_once(self) -> Self:
        if (self.instance is None) == (self.cluster is None):
            raise PydanticCustomError(
                "database_once", 'Which database is meant is said once: `instance = "NAME"` or `cluster = "NAME"`.'
            )
        return self

    @property
    def place(self) -> str:
        """Say in a few words which database is meant."""
        return f"instance {self.instance}" if self.instance else f"cluster {self.cluster}"


SnapshotSourceSettings = EbsSourceSettings | RdsSourceSettings

SNAPSHOT_KINDS = frozenset({"ebs", "rds"})
"""The kinds of source whose backups are snapshots that AWS keeps."""
