"""Second factors are configured by the environment, with the names of the requirement."""

from pathlib import Path

import pytest

from strongroom.settings import load_settings
from strongroom.settings.accounts import AccountSettings
from strongroom.settings.errors import ConfigError


def read(folder: Path, **environment: str) -> AccountSettings:
    file = folder / "strongroom.toml"
    file.write_text('[regions.home]\npath = "region"\n', encoding="utf-8")
    return load_settings(file, environment).accounts


def test_they_are_off_in_the_library_and_required_for_administrators_where_they_are_on(tmp_path: Path) -> None:
    assert read(tmp_path) == AccountSettings(
        mfa_enabled=False, mfa_issuer_name="Strongroom", mfa_required_for_admin=True, mfa_totp_window_steps=1
    )


@pytest.mark.parametrize("word", ["true", "True", " 1 ", "yes", "on"])
def test_the_environment_decides(tmp_path: Path, word: str) -> None:
    found = read(
        tmp_path, MFA_ENABLED=word, MFA_ISSUER_NAME="3dPot", MFA_REQUIRED_FOR_ADMIN="false", MFA_TOTP_WINDOW_STEPS="0"
    )

    assert (found.mfa_enabled, found.mfa_issuer_name) == (True, "3dPot")
    assert (found.mfa_required_for_admin, found.mfa_totp_window_steps) == (False, 0)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MFA_ENABLED", "maybe"),
        ("MFA_REQUIRED_FOR_ADMIN", "2"),
        ("MFA_ISSUER_NAME", "a:b"),
        ("MFA_ISSUER_NAME", "x" * 65),
        ("MFA_TOTP_WINDOW_STEPS", "3"),
        ("MFA_TOTP_WINDOW_STEPS", "-1"),
    ],
)
def test_what_is_not_understood_is_a_mistake(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        read(tmp_path, **{variable: value})
