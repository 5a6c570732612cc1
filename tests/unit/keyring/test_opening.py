"""Which provider a region's settings lead to."""

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from strongroom.keyring.aws_kms import AwsKmsKekProvider
from strongroom.keyring.errors import ClientMissingError, KeyFileError, KeyProviderDeniedError
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.opening import open_kek
from strongroom.settings.regions import KekSettings


def test_a_local_kek_comes_from_the_key_file(tmp_path: Path) -> None:
    key_file = KeyFile.create(tmp_path / "keys.json", ["home"])
    provider = open_kek(KekSettings(provider="local", key="home"), key_file)
    key, wrapped = provider.generate({})
    assert provider.unwrap(wrapped, {}) == key


def test_the_key_file_is_not_read_before_a_key_is_needed(tmp_path: Path) -> None:
    provider = open_kek(KekSettings(provider="local", key="home"), KeyFile(tmp_path / "absent.json"))
    with pytest.raises(KeyFileError):
        provider.current_version()


def test_a_kms_kek_needs_no_key_file(tmp_path: Path) -> None:
    settings = KekSettings(
        provider="aws-kms",
        key="alias/strongroom",
        endpoint="http://127.0.0.1:1",
        kms_region="eu-west-1",
        access_key=SecretStr("id"),
        secret_key=SecretStr("secret"),
    )
    assert isinstance(open_kek(settings, KeyFile(tmp_path / "absent.json")), AwsKmsKekProvider)


def test_a_kms_without_region_or_endpoint_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "absent"))
    with pytest.raises(KeyProviderDeniedError, match="KMS region"):
        open_kek(KekSettings(provider="aws-kms", key="alias/strongroom"), KeyFile(tmp_path / "absent.json"))


def test_a_missing_client_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "strongroom.keyring.aws_kms_client", None)
    with pytest.raises(ClientMissingError, match=r"strongroom\[aws\]"):
        open_kek(KekSettings(provider="aws-kms", key="alias/strongroom"), KeyFile(tmp_path / "absent.json"))
