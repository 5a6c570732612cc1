"""Settings of a source that is a PostgreSQL server."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from strongroom.settings.drills import PostgresDrillSettings
from strongroom.settings.fields import AnchoredPath, Flag, Name, Port, Section, Text
from strongroom.settings.levels import DatabaseLevelSettings
from strongroom.settings.schedules import FullScheduleSettings

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
Patterns = tuple[Text, ...]


def _everything(value: Any) -> Any:
    return ["*"] if value == "all" else value


DatabasePatterns = Annotated[Patterns, BeforeValidator(_everything)]
"""Names and patterns with `*` and `?`; "all" in the file is the pattern `*`."""


class PostgresSourceSettings(Section):
    """One or several databases of a PostgreSQL server, to back up with pg_dump."""

    name: Name
    kind: Literal["postgres"] = Field("postgres", description="What the source is: PostgreSQL databases.")
    host: Text = Field(
        "localhost", description="Host name, address, or the directory of a Unix socket.", examples=["db.example.org"]
    )
    port: Port = Field(5432, description="Port of the server.")
    dbname: Text | None = Field(None, description="The database to back up, where it is one.", examples=["shop"])
    databases: DatabasePatterns = Field(
        (),
        description='Instead of `dbname`: names and patterns with `*` and `?`, or `"all"` for every database.',
        examples=[["shop", "crm_*"]],
    )
    exclude_databases: Patterns = Field(
        (), description="Names and patterns of databases to leave out.", examples=[["*_test"]]
    )
    globals: Flag = Field(False, description="Whether roles and tablespaces of the server are backed up as well.")
    role_passwords: Flag = Field(
        True, description="Whether `globals` holds the hashes of passwords; the role must be able to read pg_authid."
    )
    user: Text = Field(description="Role to connect as; it must be able to read every table.", examples=["backup"])
    password: SecretStr | None = Field(None, description="Password of the role.")
    sslmode: SslMode = Field("prefer", description="How the connection is protected, in the words of libpq.")
    format: Literal["custom", "directory"] = Field(
        "custom", description="How a database is dumped: as one stream, or as a directory that takes several jobs."
    )
    jobs: int = Field(2, strict=True, ge=1, le=64, description="Connections that dump at a time, for `directory`.")
    schemas: Patterns = Field((), description="Schemas to back up, as for pg_dump; all where none is given.")
    exclude_schemas: Patterns = Field((), description="Schemas to leave out.", examples=[["audit_*"]])
    tables: Patterns = Field(
        (), description="Tables to back up, as for pg_dump; all where none is given.", examples=[["sales.*"]]
    )
    exclude_tables: Patterns = Field((), description="Tables to leave out.", examples=[["*.tmp_*"]])
    exclude_table_data: Patterns = Field(
        (), description="Tables to back up without their rows.", examples=[["public.session"]]
    )
    count_rows: Flag = Field(
        True, description="Whether the rows of every table are counted as they are dumped, for drills to compare."
    )
    lock_timeout_seconds: int = Field(
        300, strict=True, ge=1, le=86_400, description="Seconds to wait for a table that somebody has locked."
    )
    bin_dir: AnchoredPath | None = Field(
        None,
        description="Directory of pg_dump, pg_dumpall, pg_restore and psql, where they are not found.",
        examples=["/usr/lib/postgresql/16/bin"],
    )
    policy: Name = Field("critical-data", description="Policy that says where the backups go and how long they stay.")
    schedule: FullScheduleSettings = Field(
        FullScheduleSettings.defaults(), description="When it is backed up by itself."
    )
    drill: PostgresDrillSettings = Field(
        PostgresDrillSettings.defaults(), description="When and how it is restored for proof."
    )
    levels: DatabaseLevelSettings = Field(DatabaseLevelSettings.defaults(), description="What is promised for it.")

    @model_validator(mode="after")
    def _checks_name_a_database(self) -> Self:
        for check in self.drill.checks:
            if check.database is None and self.dbname is None:
                raise PydanticCustomError(
                    "check_database",
                    "The check {name} does not say which database it asks, and the source has several.",
                    {"name": repr(check.name)},
                )
        return self

    @model_validator(mode="after")
    def _names_databases_once(self) -> Self:
        if (self.dbname is None) == (not self.databases):
            raise PydanticCustomError(
                "databases_once",
                'Which databases are backed up is said once: `dbname = "shop"`, `databases = ["shop", "crm"]` or '
                '`databases = "all"`.',
            )
        return self

    @property
    def wanted(self) -> Patterns:
        """Return the names and patterns of the databases to back up."""
        return self.databases if self.dbname is None else (self.dbname,)

    @property
    def place(self) -> str:
        """Say in a few words which databases of which server are meant."""
        what = "all databases" if self.wanted == ("*",) else ", ".join(self.wanted)
        return f"{what} on {self.host}:{self.port}"
