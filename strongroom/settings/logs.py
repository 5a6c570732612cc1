"""How much processes log, and in which form; both come from the environment."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from strongroom.settings.fields import Section
from strongroom.settings.findings import Findings

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMATS = ("auto", "json", "human")
_TRUE = {"true", "1", "yes", "on"}


class LogSettings(Section):
    """The log of every process."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "INFO", description="The least that is logged."
    )
    format: Literal["auto", "json", "human"] = Field(
        "auto", description="JSON, lines for people, or what fits: people on a terminal, JSON everywhere else."
    )


def read_logs(env: Mapping[str, str], findings: Findings) -> LogSettings:
    """Return what the environment says; notes values that are not understood."""
    values: dict[str, Any] = {}
    if env.get("DEBUG", "").strip().lower() in _TRUE:
        values["level"] = "DEBUG"
    if level := env.get("LOG_LEVEL", "").strip().upper():
        if level not in LEVELS:
            findings.add_variable("LOG_LEVEL", "There is no such level.", f"Write one of {', '.join(LEVELS)}.")
        values["level"] = level if level in LEVELS else "INFO"
    if form := env.get("LOG_FORMAT", "").strip().lower():
        if form not in FORMATS:
            findings.add_variable("LOG_FORMAT", "There is no such format.", f"Write one of {', '.join(FORMATS)}.")
        values["format"] = form if form in FORMATS else "auto"
    return LogSettings(**values)
