"""Settings of how long backups are kept, and of what deletes them."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from strongroom.settings.fields import Flag, Name, Section, Text

_MOST = 100_000
_PERIODS = ("keep_last", "keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly")


class PolicySettings(Section):
    """How long backups are kept, why, and in which regions; a backup stays as long as any one rule keeps it."""

    name: Name
    retention_days: int = Field(
        strict=True, ge=0, le=36_500, description="Days that every backup is kept.", examples=[90]
    )
    keep_last: int = Field(0, strict=True, ge=0, le=_MOST, description="Newest backups that stay whatever their age.")
    keep_hourly: int = Field(0, strict=True, ge=0, le=_MOST, description="Hours whose newest backup stays.")
    keep_daily: int = Field(0, strict=True, ge=0, le=_MOST, description="Days whose newest backup stays.")
    keep_weekly: int = Field(
        0, strict=True, ge=0, le=_MOST, description="Weeks, from Monday, whose newest backup stays."
    )
    keep_monthly: int = Field(0, strict=True, ge=0, le=_MOST, description="Months whose newest backup stays.")
    keep_yearly: int = Field(0, strict=True, ge=0, le=_MOST, description="Years whose newest backup stays.")
    min_fulls: int = Field(
        1, strict=True, ge=0, le=_MOST, description="Newest full backups, restorable from some region, that stay."
    )
    compliance: tuple[Text, ...] = Field((), description="Regulations that the policy answers to.", examples=[["GDPR"]])
    regions: tuple[Name, ...] | None = Field(
        None,
        min_length=1,
        description="Regions that hold a copy, home among them; all where it is not given.",
        examples=[["eu-west-1", "us-east-1"]],
    )

    @model_validator(mode="after")
    def _keeps_something(self) -> Self:
        if self.retention_days == 0 and not any(getattr(self, rule) for rule in _PERIODS):
            raise PydanticCustomError(
                "keeps_nothing",
                "This policy would delete every backup: give `retention_days`, or a rule such as `keep_daily = 7`.",
            )
        return self


BUILT_IN_POLICIES = (
    PolicySettings(name="critical-data", retention_days=365, compliance=("GDPR", "SOX")),
    PolicySettings(name="operational-data", retention_days=90, compliance=("GDPR",)),
    PolicySettings(name="development-data", retention_days=30),
)
"""The named policies every installation has; a table of the same name in the file changes them."""


class RetentionSettings(Section):
    """The nightly deletion of what no policy keeps."""

    apply: Flag = Field(True, description="Whether the nightly run deletes what no policy keeps, or only reports it.")
    max_share_percent: int = Field(
        20, strict=True, ge=0, le=100, description="Percentage of a source's backups that a run deletes without asking."
    )
