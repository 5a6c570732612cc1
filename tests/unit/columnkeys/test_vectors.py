"""Frozen files, made without any code of this project, that every later version has to read."""

import pytest

from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.ring import KeyState
from strongroom.columnkeys.sealed_copy import open_copy
from strongroom.keyring.passphrase import PassphraseKekProvider
from tests.vectors.columnkeys import generate as vectors


@pytest.fixture
def content() -> bytes:
    return (vectors.FOLDER / "ring.env").read_bytes()


def test_the_frozen_file_is_read(content):
    ring = EnvCryptoFile(vectors.FOLDER / "ring.env").parse(content)

    assert {name: version.state.value for name, version in ring.versions.items()} == {
        **vectors.STATES,
        "v0": "destroyed",
    }
    assert {name: ring.get_version(name).key for name in vectors.KEYS} == vectors.KEYS
    assert ring.versions["v0"].state is KeyState.DESTROYED
    assert ring.fingerprint() == vectors.fingerprint()


def test_the_frozen_sealed_copy_opens(content):
    raw = (vectors.FOLDER / "sealed_copy.json").read_bytes()

    assert open_copy(raw, [PassphraseKekProvider(vectors.PASSPHRASE)]) == content


def test_the_generator_still_makes_the_frozen_files(content):
    assert vectors.ring_file() == content
    assert vectors.sealed_copy(content) == (vectors.FOLDER / "sealed_copy.json").read_bytes()
