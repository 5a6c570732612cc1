"""Settings of what is promised for a source, and is measured."""

from pydantic import Field

from strongroom.settings.fields import Section

HOUR, DAY = 3600, 86_400


class LevelSettings(Section):
    """What is promised for a source: how much may be lost, how long a restore takes, how soon it is proven."""

    rpo_seconds: int = Field(
        DAY, strict=True, ge=60, le=366 * DAY, description="How old the newest protected backup may be."
    )
    rto_seconds: int = Field(
        30 * 60, strict=True, ge=1, le=366 * DAY, description="How long restoring the whole source may take."
    )
    proven_seconds: int = Field(
        8 * DAY, strict=True, ge=60, le=366 * DAY, description="How long ago the last passed drill may be."
    )
    expected_seconds: int = Field(
        1800, strict=True, ge=1, le=366 * DAY, description="How long a backup takes; twice that is an alert."
    )


class FilesLevelSettings(LevelSettings):
    """The same for a tree that is backed up once a day: between two backups lies a day and what the second takes."""

    rpo_seconds: int = Field(
        2 * DAY, strict=True, ge=60, le=366 * DAY, description="How old the newest protected backup may be."
    )


class LogsLevelSettings(LevelSettings):
    """The same for logs."""

    expected_seconds: int = Field(
        600, strict=True, ge=1, le=366 * DAY, description="How long a backup takes; twice that is an alert."
    )


class DatabaseLevelSettings(LevelSettings):
    """The same for databases."""

    expected_seconds: int = Field(
        HOUR, strict=True, ge=1, le=366 * DAY, description="How long a backup takes; twice that is an alert."
    )
