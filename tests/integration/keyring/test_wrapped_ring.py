"""A file of column keys whose keys a key service seals: the same contract, and no key in clear on disk."""

import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.cli.main import main
from strongroom.columnkeys.changes import first_ring, new_version, promoted, with_pending
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.errors import KeyRingFileError
from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.columnkeys.wrapping import KekWrapping
from strongroom.keyring.aws_kms import AwsKmsKekProvider
from strongroom.keyring.errors import KeyProviderUnavailableError, WrongKeyError
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.keyring.provider import KekProvider
from strongroom.keyring.vault_transit import VaultTransitKekProvider, transit_client
from tests.services.s3 import REGION_NAMES
from tests.services.transit import TOKEN, Transit, transit_server

NOW = datetime(2026, 1, 14, tzinfo=UTC)


@pytest.fixture
def engine() -> Iterator[Transit]:
    with transit_server() as engine:
        engine.rotate("columns")
        yield engine


@pytest.fixture(params=["local", "aws-kms", "vault-transit"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> KekProvider:
    if request.param == "local":
        return LocalKekProvider(KeyFile.create(tmp_path / "keys", ["columns"]), "columns")
    if request.param == "aws-kms":
        client = request.getfixturevalue("moto_regions")[REGION_NAMES[0]].kms_client()
        return AwsKmsKekProvider(client, client.create_key()["KeyMetadata"]["KeyId"])
    return VaultTransitKekProvider(transit_client(request.getfixturevalue("engine").address, TOKEN), "columns")


@pytest.fixture
def ring() -> KeyRing:
    return first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom))


def rotated(ring: KeyRing) -> KeyRing:
    return promoted(with_pending(ring, new_version("v2", KeyState.PENDING, NOW, os.urandom)), "v2", NOW)


def clear(ring: KeyRing) -> list[str]:
    return [base64.b64encode(version.key).decode() for version in ring.versions.values()]


def test_the_keys_are_sealed_on_disk_and_read_by_another_process(provider, ring, tmp_path):
    path = tmp_path / ".env.crypto"
    EnvCryptoFile(path, KekWrapping(provider)).create(ring, ())
    changed = EnvCryptoFile(path, KekWrapping(provider)).change(rotated)
    text = path.read_text()

    assert not any(key in text for key in clear(changed))
    assert f'KEYS__v1="{provider.name}:' in text
    assert EnvCryptoFile(path, KekWrapping(provider)).load() == changed
    with pytest.raises(KeyRingFileError, match="key service"):
        EnvCryptoFile(path).load()


def test_a_plain_file_is_sealed_at_its_next_change_and_so_is_its_copy(provider, ring, tmp_path):
    path = tmp_path / ".env.crypto"
    EnvCryptoFile(path).create(ring, ())
    file = EnvCryptoFile(path, KekWrapping(provider))
    changed = file.change(rotated)

    assert not any(key in path.read_text() + file.previous.read_text() for key in clear(changed))


def test_a_key_does_not_open_under_another_versions_name(provider, ring, tmp_path):
    path = tmp_path / ".env.crypto"
    EnvCryptoFile(path, KekWrapping(provider)).create(ring, ())
    path.write_text(path.read_text().replace("__v1", "__v9").replace('"v1"', '"v9"'))
    with pytest.raises(WrongKeyError):
        EnvCryptoFile(path, KekWrapping(provider)).load()


def test_a_key_service_is_asked_once_and_may_be_away_afterwards(engine, ring, tmp_path):
    provider = VaultTransitKekProvider(transit_client(engine.address, TOKEN), "columns")
    path = tmp_path / ".env.crypto"
    EnvCryptoFile(path, KekWrapping(provider)).create(ring, ())
    file = EnvCryptoFile(path, KekWrapping(provider))
    file.load()
    engine.sealed = True
    asked = len(engine.asked)

    assert file.load() == ring
    assert len(engine.asked) == asked
    with pytest.raises(KeyProviderUnavailableError):
        EnvCryptoFile(path, KekWrapping(provider)).load()


def test_a_key_of_another_size_is_not_sealed(provider, tmp_path):
    long = first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom, 48))
    with pytest.raises(KeyRingFileError, match="key-bytes 32"):
        EnvCryptoFile(tmp_path / ".env.crypto", KekWrapping(provider)).create(long, ())


def test_the_settings_name_the_key_service(engine, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    kek = f'{{ provider = "vault-transit", key = "columns", endpoint = "{engine.address}", token_env = "VAULT_TOKEN" }}'
    (tmp_path / "strongroom.toml").write_text(f'[regions.a]\npath = "a"\n[column_keys]\nkek = {kek}\n')

    assert main(["secrets", "generate"]) == 0
    assert main(["secrets", "rotate", "--no-wait", "--yes"]) == 0
    assert main(["secrets", "validate-config"]) == 0
    assert 'KEYS__v2="vault-transit:v1:' in (tmp_path / ".env.crypto").read_text()
    engine.sealed = True
    assert main(["secrets", "list"]) == 14
    assert TOKEN not in capsys.readouterr().err
