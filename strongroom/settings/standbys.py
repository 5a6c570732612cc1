"""Settings of PostgreSQL primaries and their standbys, whose replication is watched."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, SecretStr

from strongroom.settings.environment import resolve_secrets
from strongroom.settings.fields import Name, Port, Section, Text
from strongroom.settings.findings import Findings
from strongroom.settings.postgres import SslMode


class ServerSettings(Section):
    """How one server of the pair is reached."""

    host: Text = Field(
        description="Host name, address, or the directory of a Unix socket.", examples=["db.example.org"]
    )
    port: Port = Field(5432, description="Port of the server.")
    dbname: Text = Field("postgres", description="Database to connect to; nothing in it is read.")
    user: Text = Field(description="Role to connect as; it needs `pg_monitor` and nothing else.", examples=["watcher"])
    password: SecretStr | None = Field(None, description="Password of the role.")
    sslmode: SslMode = Field("prefer", description="How the connection is protected, in the words of libpq.")

    @property
    def place(self) -> str:
        """Say which server is meant."""
        return f"{self.host}:{self.port}"


class StandbySettings(Section):
    """A PostgreSQL primary and one standby that follows it by streaming replication."""

    name: Name
    region: Name | None = Field(None, description="Where the standby is, for alerts.", examples=["us-east-1"])
    slot: Text | None = Field(
        None,
        description="Replication slot on the primary; where it is not given, the one the standby says it uses.",
        examples=["standby_us"],
    )
    lag_seconds: int = Field(
        60, strict=True, ge=1, le=604_800, description="Seconds that the standby may be behind: its target."
    )
    slot_mib: int = Field(
        16_384, strict=True, ge=16, description="MiB of WAL that the slot may hold back on the primary's disk."
    )
    grace_seconds: int = Field(
        60, strict=True, ge=0, le=86_400, description="Seconds that a fault other than lag may last without an alert."
    )
    primary: ServerSettings = Field(description="The server that is written to.")
    standby: ServerSettings = Field(description="The server that follows.")


def read_standbys(
    tables: Mapping[str, dict[str, Any]], env: Mapping[str, str], findings: Findings
) -> dict[str, StandbySettings]:
    """Return the pairs that `[standbys.NAME]` tables describe, and note what is wrong with them."""
    read = {name: _read(name, table, env, findings) for name, table in tables.items()}
    return {name: pair for name, pair in read.items() if pair is not None}


def _read(name: str, table: dict[str, Any], env: Mapping[str, str], findings: Findings) -> StandbySettings | None:
    path = ("standbys", name)
    if "name" in table:
        findings.add((*path, "name"), "The name stands in the header.", "Remove this; write `[standbys.NAME]`.")
    resolved = {"name": name} | {key: value for key, value in table.items() if key != "name"}
    for role in ("primary", "standby"):
        if isinstance(table.get(role), dict):
            resolved[role] = resolve_secrets(ServerSettings, table[role], (*path, role), env, findings)
        elif role in table:
            findings.add((*path, role), "This should be a table.", f"Write `[standbys.{name}.{role}]`.")
            return None
    pair = findings.check(StandbySettings, resolved, path)
    if pair is not None and pair.primary.place == pair.standby.place:
        findings.add((*path, "standby"), "This is the server that is the primary, too.", "Name the standby's own.")
    return pair
