"""What Flower is started with."""

from pathlib import Path

import pytest

from strongroom.settings import SecretMissingError, Settings, load_settings
from worker.monitor import flower_options


def read(directory: Path, **variables: str) -> Settings:
    config = directory / "strongroom.toml"
    config.write_text('[flower]\nhost = "0.0.0.0"\nport = 5999\nuser = "me"\n[regions.home]\npath = "region"\n')
    return load_settings(config, variables)


def test_flower_listens_where_the_settings_say_and_may_only_look(tmp_path: Path) -> None:
    options = flower_options(read(tmp_path, STRONGROOM_FLOWER_PASSWORD="a password"), {})
    assert options == ["--address=0.0.0.0", "--port=5999", "--basic-auth=me:a password", "--read-only=true"]


def test_a_login_that_flower_itself_was_given_goes_first(tmp_path: Path) -> None:
    options = flower_options(read(tmp_path), {"FLOWER_BASIC_AUTH": "you:other"})
    assert "--basic-auth=you:other" in options


def test_without_a_login_flower_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(SecretMissingError):
        flower_options(read(tmp_path), {})
