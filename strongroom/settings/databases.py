"""Settings of applications' databases, whose encrypted columns are re-encrypted."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, SecretStr

from strongroom.settings.environment import resolve_secrets
from strongroom.settings.fields import Name, Section
from strongroom.settings.findings import Findings

_SCHEMES = ("postgresql", "sqlite", "mysql", "mariadb")


class DatabaseSettings(Section):
    """A database of an application, by its SQLAlchemy address."""

    name: Name
    url: SecretStr = Field(
        description="Address of the database, as SQLAlchemy spells it: PostgreSQL, SQLite, MySQL or MariaDB.",
        examples=["SHOP_DATABASE_URL"],
    )
    app: str = Field("", description="Name of the application that its tokens are bound to, as it says itself.")
    models: tuple[str, ...] = Field(
        (),
        description="Mapped classes or bases, `module:Class`. Their encrypted columns are registered at every count.",
        examples=[["app.models:Base"]],
    )


def read_databases(
    tables: Mapping[str, dict[str, Any]], env: Mapping[str, str], findings: Findings
) -> dict[str, DatabaseSettings]:
    """Return the databases that `[databases.NAME]` tables describe, and note what is wrong with them."""
    read = {name: _read(name, table, env, findings) for name, table in tables.items()}
    return {name: database for name, database in read.items() if database is not None}


def _read(name: str, table: dict[str, Any], env: Mapping[str, str], findings: Findings) -> DatabaseSettings | None:
    path = ("databases", name)
    if "url_env" not in table and "url" not in table:
        findings.add((*path, "url_env"), "This is missing.", 'Write for example `url_env = "SHOP_DATABASE_URL"`.')
        return None
    resolved = resolve_secrets(DatabaseSettings, table, path, env, findings)
    database = None if "url" not in resolved else findings.check(DatabaseSettings, resolved | {"name": name}, path)
    address = "" if database is None else database.url.get_secret_value()
    if address and not _is_known(address):
        known = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
        findings.add((*path, "url_env"), "This address begins with an unknown scheme.", f"Begin it with one of {known}")
    return database


def _is_known(address: str) -> bool:
    scheme = address.partition("://")[0]
    return "://" in address and scheme.partition("+")[0] in _SCHEMES
