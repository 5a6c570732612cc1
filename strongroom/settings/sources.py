"""Settings of what is backed up."""

from typing import Any, Literal

from pydantic import Field, model_validator

from strongroom.settings.aws import EbsSourceSettings, RdsSourceSettings
from strongroom.settings.aws_feeds import CloudWatchLogsSourceSettings, S3SourceSettings
from strongroom.settings.drills import DrillSettings
from strongroom.settings.fields import AnchoredPath, Flag, Name, Pattern, Section
from strongroom.settings.levels import DAY, FilesLevelSettings, LevelSettings, LogsLevelSettings
from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.settings.schedules import TWICE_A_DAY, FilesScheduleSettings, LogsScheduleSettings


class TreeSourceSettings(Section):
    """What all directory trees have in common."""

    name: Name
    kind: str
    path: AnchoredPath = Field(description="The directory whose content is backed up.", examples=["/srv/uploads"])
    exclude: tuple[Pattern, ...] = Field(
        (), description="Patterns of what to leave out, as in a .gitignore file.", examples=[["*.tmp", "/cache/"]]
    )
    one_file_system: Flag = Field(False, description="Whether to stay on the file system that the directory is on.")
    allow_empty: Flag = Field(
        False, description="Whether an empty directory may be backed up; mostly it is an unmounted disk."
    )
    policy: Name = Field(
        "operational-data", description="Policy that says where the backups go and how long they stay."
    )
    schedule: FilesScheduleSettings = Field(
        FilesScheduleSettings.defaults(), description="When it is backed up by itself."
    )
    drill: DrillSettings = Field(DrillSettings.defaults(), description="When it is restored for proof.")
    levels: LevelSettings = Field(LevelSettings.defaults(), description="What is promised for it.")


class FilesSourceSettings(TreeSourceSettings):
    """A directory tree to back up."""

    kind: Literal["files"] = Field("files", description="What the source is: a directory tree.")
    ignore_ctime: Flag = Field(
        False,
        description="Whether a file counts as unchanged when only its change time differs: after new owners or modes.",
    )

    levels: FilesLevelSettings = Field(FilesLevelSettings.defaults(), description="What is promised for it.")

    @model_validator(mode="before")
    @classmethod
    def _critical_twice_a_day(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or raw.get("policy") != "critical-data":
            return raw
        tighter: dict[str, dict[str, Any]] = {"schedule": {"incremental": TWICE_A_DAY}, "levels": {"rpo_seconds": DAY}}
        written = {key: raw.get(key, {}) for key in tighter}
        return raw | {key: tighter[key] | table for key, table in written.items() if isinstance(table, dict)}


class LogsSourceSettings(TreeSourceSettings):
    """A directory of log files to back up."""

    kind: Literal["logs"] = Field("logs", description="What the source is: a directory of logs.")
    path: AnchoredPath = Field(description="The directory that the logs are in.", examples=["/var/log/shop"])
    include: tuple[Pattern, ...] = Field(
        (),
        description="Patterns of the files to back up, as in a .gitignore file; all where none is given.",
        examples=[["*.log*"]],
    )
    schedule: LogsScheduleSettings = Field(
        LogsScheduleSettings.defaults(), description="When it is backed up by itself."
    )
    levels: LogsLevelSettings = Field(LogsLevelSettings.defaults(), description="What is promised for it.")


SourceSettings = (
    FilesSourceSettings
    | LogsSourceSettings
    | PostgresSourceSettings
    | EbsSourceSettings
    | RdsSourceSettings
    | S3SourceSettings
    | CloudWatchLogsSourceSettings
)

TREE_KINDS = frozenset({"files", "logs", "s3", "cloudwatch-logs"})
"""The kinds of source whose backups are directory trees."""
