"""Settings of restore drills: when, with which checks, and where on the disk."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from strongroom.settings.fields import AnchoredPath, Flag, Section, Text
from strongroom.settings.schedules import CronText, TimeZoneText

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_QUESTION = re.compile(r"\s*\(*\s*(SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE)


def _question(text: str) -> str:
    if not _QUESTION.match(_COMMENT.sub(" ", text)) or "\0" in text:
        raise PydanticCustomError("sql", "This is not SQL that asks something: it begins with none of SELECT and WITH.")
    return text


SqlQuestion = Annotated[str, AfterValidator(_question)]
"""A statement that is read-only by its first word; the drill runs it in a read-only transaction as well."""


class CheckSettings(Section):
    """A question that a restored database has to answer with true."""

    name: Text = Field(description="What is checked, in a few words.", examples=["orders are there"])
    sql: SqlQuestion = Field(
        description="SQL that returns one row with one value, which has to be true.",
        examples=["SELECT count(*) > 0 FROM orders"],
    )
    database: Text | None = Field(
        None, description="The database to ask; needed where the source has several.", examples=["shop"]
    )


class DrillSettings(Section):
    """When a source is restored for proof."""

    enabled: Flag = Field(True, description="Whether drills are held by themselves; commands and the API always can.")
    cron: CronText = Field("0 5 * * 6", description="When a drill is due, as a cron expression or `never`; weekly.")
    time_zone: TimeZoneText = Field(
        "UTC",
        description="Time zone that the expression is read in.",
        examples=["Europe/Lisbon"],
        validate_default=True,
    )


class PostgresDrillSettings(DrillSettings):
    """The same for databases, with questions to ask them."""

    checks: tuple[CheckSettings, ...] = Field((), description="Questions that every restored database has to pass.")
    check_timeout_seconds: int = Field(
        300, strict=True, ge=1, le=86_400, description="Seconds that a check and each count of rows may take."
    )


class DrillPlaceSettings(Section):
    """Where drills restore to."""

    directory: AnchoredPath | None = Field(
        None,
        description="Directory with room for a whole source; the scratch directory, or for root the system's own.",
        examples=["/srv/drills"],
    )


def drill_settings_of(source: object) -> DrillSettings | None:
    """Return the settings of a source's drills; None where its backups are nothing that a drill can restore."""
    settings = getattr(source, "drill", None)
    return settings if isinstance(settings, DrillSettings) else None
