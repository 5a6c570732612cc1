"""Databases of applications: by name, with their address in the environment."""

from pathlib import Path

import pytest

from strongroom.settings import ConfigError, UnknownDatabaseError, load_settings

WORD = "secret-word"
REGION = '[regions.a]\npath = "a"\n'


def load(folder: Path, text: str, **env: str):
    path = folder / "strongroom.toml"
    path.write_text(REGION + text)
    return load_settings(path, env)


def test_the_address_comes_from_the_environment_and_does_not_show(tmp_path):
    settings = load(tmp_path, '[databases.shop]\nurl_env = "URL"\napp = "shop"\n', URL=f"postgresql://a:{WORD}@h/d")

    found = settings.get_database("shop")
    assert (found.app, found.url.get_secret_value()) == ("shop", f"postgresql://a:{WORD}@h/d")
    assert WORD not in repr(settings)


def test_the_only_database_need_not_be_named(tmp_path):
    one = '[databases.shop]\nurl_env = "URL"\n'
    assert load(tmp_path, one, URL="sqlite:///x.db").get_database(None).name == "shop"
    two = load(tmp_path, one + one.replace("shop", "crm"), URL="mysql+pymysql://h/d")
    with pytest.raises(UnknownDatabaseError):
        two.get_database(None)
    with pytest.raises(UnknownDatabaseError) as refused:
        two.get_database("shopp")
    assert "shop" in refused.value.next_step


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "databases.shop.url_env: This is missing."),
        ('url_env = "NONE"', "databases.shop.url_env: The environment variable NONE is not set."),
        ('url_env = "URL"', "databases.shop.url_env: This address begins with an unknown scheme."),
        ('url = "sqlite:///x"', "databases.shop.url: Secrets do not belong in the file."),
        ('url_env = "URL"\nport = 1', "databases.shop.port: This key is not known."),
    ],
)
def test_a_mistake_is_named(tmp_path, text, mistake):
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, f"[databases.shop]\n{text}\n", URL=f"ftp://user:{WORD}@h")
    assert mistake in str(refused.value)
    assert WORD not in str(refused.value)
