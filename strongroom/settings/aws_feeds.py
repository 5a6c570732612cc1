"""Settings of sources in AWS that are read into the repository: buckets and log groups."""

from typing import Annotated, Literal

from pydantic import Field

from strongroom.settings.aws import AwsAccessSettings
from strongroom.settings.drills import DrillSettings
from strongroom.settings.fields import Flag, Limit, Name, Text
from strongroom.settings.levels import FilesLevelSettings, LogsLevelSettings
from strongroom.settings.schedules import FilesScheduleSettings, LogGroupsScheduleSettings

BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


class AwsFeedSettings(AwsAccessSettings):
    """What sources in AWS that are read have in common."""

    name: Name
    kind: str
    region: Text = Field(description="AWS region that the source is in.", examples=["eu-west-1"])
    policy: Name = Field(
        "operational-data", description="Policy that says where the backups go and how long they stay."
    )
    drill: DrillSettings = Field(DrillSettings.defaults(), description="When it is restored for proof.")


class S3SourceSettings(AwsFeedSettings):
    """A bucket whose objects are backed up."""

    kind: Literal["s3"] = Field("s3", description="What the source is: a bucket.")
    bucket: BucketName = Field(description="Name of the bucket.", examples=["shop-uploads"])
    prefix: str = Field("", description="What the keys of the objects to back up start with.", examples=["uploads/"])
    versions: Flag = Field(True, description="Whether older versions and delete markers are backed up as well.")
    allow_empty: Flag = Field(
        False, description="Whether a bucket without objects may be backed up; mostly it is the wrong one."
    )
    schedule: FilesScheduleSettings = Field(
        FilesScheduleSettings.defaults(), description="When it is backed up by itself."
    )
    levels: FilesLevelSettings = Field(FilesLevelSettings.defaults(), description="What is promised for it.")

    @property
    def place(self) -> str:
        """Say in a few words which objects are meant."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


class CloudWatchLogsSourceSettings(AwsFeedSettings):
    """Log groups of CloudWatch Logs."""

    kind: Literal["cloudwatch-logs"] = Field("cloudwatch-logs", description="What the source is: log groups.")
    groups: tuple[Text, ...] = Field(
        min_length=1, description="Names and patterns of the groups, with `*` and `?`.", examples=[["/aws/lambda/*"]]
    )
    exclude_groups: tuple[Text, ...] = Field(
        (), description="Names and patterns of groups to leave out.", examples=[["*-test"]]
    )
    days: int = Field(90, strict=True, ge=1, le=3650, description="Days of events that a backup holds.")
    settle_minutes: int = Field(
        60,
        strict=True,
        ge=0,
        le=20_160,
        description="Minutes after an hour in which events of it may still come; then it is not read again.",
    )
    requests_per_second: Limit = Field(5.0, description="Calls a second that a backup makes to CloudWatch Logs.")
    schedule: LogGroupsScheduleSettings = Field(
        LogGroupsScheduleSettings.defaults(), description="When it is backed up by itself."
    )
    levels: LogsLevelSettings = Field(LogsLevelSettings.defaults(), description="What is promised for it.")

    @property
    def place(self) -> str:
        """Say in a few words which groups are meant."""
        return f"log groups {', '.join(self.groups)}"
