"""Values from files, as containers get their secrets."""

import os
from pathlib import Path

import pytest

from strongroom.settings import load_settings
from strongroom.settings.secret_files import EnvironmentWithFiles, SecretFileError

CONFIGURATION = '[regions.home]\npath = "region"\n[sources.shop]\nkind = "postgres"\ndbname = "d"\nuser = "u"\n'


def test_a_file_stands_for_a_variable(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("pass word\n")
    environment = EnvironmentWithFiles({"PASSWORD_FILE": str(secret), "OTHER": "x"})
    assert environment["PASSWORD"] == "pass word"
    assert environment.get("PASSWORD") == "pass word"
    assert environment["OTHER"] == "x"
    assert environment.get("MISSING") is None


def test_what_lists_the_variables_sees_no_secret(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    environment = EnvironmentWithFiles({"PASSWORD_FILE": str(secret)})
    assert dict(environment) == {"PASSWORD_FILE": str(secret)}
    assert len(environment) == 1


def test_only_one_line_end_is_taken_away(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    for written, read in ((b"a\n\n", "a\n"), (b"a\r\n", "a"), (b" a ", " a "), (b"", "")):
        secret.write_bytes(written)
        assert EnvironmentWithFiles({"P_FILE": str(secret)})["P"] == read


def test_a_variable_whose_own_name_ends_so_is_itself(tmp_path: Path) -> None:
    environment = EnvironmentWithFiles({"STRONGROOM_CRYPTO_FILE": "keys", "STRONGROOM_CRYPTO_FILE_FILE": "other"})
    assert environment["STRONGROOM_CRYPTO_FILE"] == "keys"


def test_an_empty_variable_gives_way_to_the_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from the file")
    assert EnvironmentWithFiles({"P": "", "P_FILE": str(secret)})["P"] == "from the file"
    assert EnvironmentWithFiles({"P": "value", "P_FILE": ""})["P"] == "value"


def test_a_value_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretFileError, match="both"):
        EnvironmentWithFiles({"P": "a", "P_FILE": str(tmp_path / "p")})["P"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 70_000], ids=["missing", "not text", "huge"])
def test_a_file_that_gives_no_value_is_named_and_its_content_is_not(tmp_path: Path, content: bytes | None) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    with pytest.raises(SecretFileError, match="P_FILE") as refused:
        EnvironmentWithFiles({"P_FILE": str(secret)})["P"]
    assert "xxx" not in str(refused.value)


def test_addresses_and_secrets_of_the_settings_may_be_files(tmp_path: Path) -> None:
    config = tmp_path / "strongroom.toml"
    config.write_text(f'{CONFIGURATION}password_env = "SHOP_PASSWORD"\n')
    for name, value in (("url", "postgresql://u:p@db/strongroom\n"), ("password", "secret\n")):
        (tmp_path / name).write_text(value)
    environment = {
        "STRONGROOM_CATALOG_URL_FILE": os.fspath(tmp_path / "url"),
        "SHOP_PASSWORD_FILE": os.fspath(tmp_path / "password"),
    }
    settings = load_settings(config, EnvironmentWithFiles(environment))
    assert settings.catalog_url.get_secret_value() == "postgresql://u:p@db/strongroom"
    assert settings.sources["shop"].password.get_secret_value() == "secret"  # type: ignore[union-attr]  # of postgres
