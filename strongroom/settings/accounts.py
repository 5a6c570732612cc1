"""Settings of second factors, which all come from the environment."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from strongroom.settings.fields import Flag, Section
from strongroom.settings.findings import Findings

_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_FLAGS = ("MFA_ENABLED", "MFA_REQUIRED_FOR_ADMIN")
_STEPS = {"0": 0, "1": 1, "2": 2}
_LONGEST_ISSUER = 64


class AccountSettings(Section):
    """Second factors of operators."""

    mfa_enabled: Flag = Field(False, description="Whether operators may, and administrators must, show a code.")
    mfa_issuer_name: str = Field("Strongroom", description="What authenticator apps call this installation.")
    mfa_required_for_admin: Flag = Field(True, description="Whether administrators must have a second factor.")
    mfa_totp_window_steps: int = Field(1, description="How many steps of 30 s a code may be early or late.")


def read_accounts(env: Mapping[str, str], findings: Findings) -> AccountSettings:
    """Return what the environment says; notes values that are not understood."""
    values: dict[str, Any] = {}
    for variable in _FLAGS:
        if text := env.get(variable, "").strip().lower():
            if text not in _WORDS:
                findings.add_variable(variable, "This is neither true nor false.", "Write true or false.")
            values[variable.lower()] = _WORDS.get(text, True)
    if issuer := env.get("MFA_ISSUER_NAME", "").strip():
        if len(issuer) > _LONGEST_ISSUER or ":" in issuer or not issuer.isprintable():
            findings.add_variable("MFA_ISSUER_NAME", "Apps could not show this name.", "Up to 64 characters, no colon.")
        values["mfa_issuer_name"] = issuer
    if steps := env.get("MFA_TOTP_WINDOW_STEPS", "").strip():
        if steps not in _STEPS:
            findings.add_variable("MFA_TOTP_WINDOW_STEPS", "This is not 0, 1 or 2.", "Write 1; 0 is the strictest.")
        values["mfa_totp_window_steps"] = _STEPS.get(steps, 1)
    return AccountSettings(**values)
