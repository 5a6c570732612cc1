"""Settings of when a source is backed up."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from strongroom.cron import Cron, verify_cron, verify_time_zone
from strongroom.settings.fields import Flag, Section

TWICE_A_DAY = "0 1,13 * * *"
"""For what is critical: a backup a day at a fixed hour loses up to a day and the time the backup takes."""


def _cron(expression: str) -> str:
    try:
        verify_cron(expression)
    except ValueError as error:
        raise PydanticCustomError(
            "cron", "This is not a cron expression of five fields: {why}.", {"why": str(error).lower()}
        ) from None
    return expression


def _time_zone(name: str) -> str:
    try:
        verify_time_zone(name)
    except ValueError as error:
        raise PydanticCustomError("time_zone", "{why}", {"why": str(error)}) from None
    return name


CronText = Annotated[str, AfterValidator(_cron)]
TimeZoneText = Annotated[str, AfterValidator(_time_zone)]

_ENABLED: bool = Field(True, description="Whether the source is backed up by itself; commands and the API always can.")
_TIME_ZONE: str = Field(
    "UTC", description="Time zone that the expressions are read in.", examples=["Europe/Lisbon"], validate_default=True
)


class FilesScheduleSettings(Section):
    """When a tree is backed up by itself; each is a cron expression of five fields, or `never`."""

    enabled: Flag = _ENABLED
    full: CronText = Field("0 1 * * 0", description="When a full backup is due; weekly.")
    differential: CronText = Field("0 1 * * 2,5", description="When a differential backup is due; twice a week.")
    incremental: CronText = Field("0 1 * * *", description="When an incremental backup is due; daily.")
    time_zone: TimeZoneText = _TIME_ZONE

    def crons(self) -> dict[str, Cron]:
        """Return when each kind of backup is due, the strongest kind first."""
        return {
            "full": Cron(self.full, self.time_zone),
            "differential": Cron(self.differential, self.time_zone),
            "incremental": Cron(self.incremental, self.time_zone),
        }


class LogsScheduleSettings(FilesScheduleSettings):
    """The same for logs, which are worth little once the machine is gone that they would have explained."""

    incremental: CronText = Field("0 * * * *", description="When an incremental backup is due; hourly.")


class LogGroupsScheduleSettings(LogsScheduleSettings):
    """The same for log groups: what has gone from them is in the parent alone, so that no full backup is due."""

    full: CronText = Field("never", description="When a full backup is due, which has what is there now only; never.")
    differential: CronText = Field("never", description="When a differential backup is due; never.")


class FullScheduleSettings(Section):
    """When a source that is backed up in full only is backed up by itself: a cron expression, or `never`."""

    enabled: Flag = _ENABLED
    full: CronText = Field(TWICE_A_DAY, description="When a full backup is due; twice a day.")
    time_zone: TimeZoneText = _TIME_ZONE

    def crons(self) -> dict[str, Cron]:
        """Return when each kind of backup is due."""
        return {"full": Cron(self.full, self.time_zone)}


ScheduleSettings = FilesScheduleSettings | FullScheduleSettings
