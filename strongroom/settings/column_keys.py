"""Settings of the keys of encrypted columns: the one file that every command and every process means."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from strongroom.settings.environment import resolve_secrets
from strongroom.settings.fields import AnchoredPath, Name, Section
from strongroom.settings.findings import Findings
from strongroom.settings.regions import KekSettings

FILE_VARIABLE = "STRONGROOM_CRYPTO_FILE"
ENVIRONMENT_VARIABLE = "STRONGROOM_ENVIRONMENT"
_DEVELOPMENT = "development"


class ColumnKeySettings(Section):
    """Where the keys of encrypted columns are, and how long they are used and kept."""

    path: AnchoredPath = Field(
        Path(".env.crypto"),
        validate_default=True,
        description="The file of column keys. Losing it means losing what the columns hold.",
    )
    environment: Name = Field(
        _DEVELOPMENT,
        description="Environment whose file is meant: `production` makes `.env.crypto` `.env.crypto.production`.",
        examples=["production"],
    )
    period_days: int = Field(
        90, strict=True, ge=1, le=3650, description="Days after which a reminder says that the active key is due."
    )
    grace_days: int = Field(
        30, strict=True, ge=1, le=3650, description="Days for which a sealed copy of a destroyed key is never removed."
    )
    kek: KekSettings | None = Field(
        None, description="The KEK that seals the keys in the file; none leaves them plain."
    )
    sources: tuple[Name, ...] | None = Field(
        None,
        description="Sources whose backups hold encrypted columns; by default all of kind `postgres`.",
        examples=[["shop"]],
    )

    @property
    def file(self) -> Path:
        """Return the file of this environment."""
        if self.environment == _DEVELOPMENT:
            return self.path
        return self.path.with_name(f"{self.path.name}.{self.environment}")


def read_column_keys(table: dict[str, Any], env: Mapping[str, str], findings: Findings) -> ColumnKeySettings | None:
    """Return the settings of the column keys; the environment decides before the file does."""
    resolved = table | _said_by(env)
    kek = table.get("kek")
    if isinstance(kek, dict):
        resolved["kek"] = resolve_secrets(KekSettings, kek, ("column_keys", "kek"), env, findings)
    return findings.check(ColumnKeySettings, resolved, ("column_keys",))


def column_keys_without_file(env: Mapping[str, str]) -> ColumnKeySettings:
    """Return the settings where there is no strongroom.toml: an application that uses the column keys alone."""
    return ColumnKeySettings.model_validate(_said_by(env))


def _said_by(env: Mapping[str, str]) -> dict[str, str]:
    # A path in a variable is that of a file, whole: no environment is appended to it.
    if env.get(FILE_VARIABLE):
        return {"path": str(Path(env[FILE_VARIABLE]).absolute()), "environment": _DEVELOPMENT}
    return {"environment": env[ENVIRONMENT_VARIABLE]} if env.get(ENVIRONMENT_VARIABLE) else {}
