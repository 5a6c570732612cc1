"""The environment may carry the ring, or add to that of the file; it never contradicts it without an error."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.columnkeys.changes import first_ring, new_version, with_pending
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.env_ring import ring_values
from strongroom.columnkeys.errors import KeyRingConflictError, KeyRingInvalidError, KeyRingNotFoundError
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.columnkeys.sources import ENVIRONMENT, FileAndEnvironment

NOW = datetime(2026, 1, 14, tzinfo=UTC)


def made(name: str, state: KeyState) -> KeyVersion:
    return new_version(name, state, NOW, os.urandom)


def variables(ring: KeyRing) -> dict[str, str]:
    return {"PATH": "/bin", **ring_values(ring, None, {})}


@pytest.fixture
def file(tmp_path: Path) -> EnvCryptoFile:
    return EnvCryptoFile(tmp_path / ".env.crypto")


@pytest.fixture
def both() -> KeyRing:
    return with_pending(first_ring(made("v1", KeyState.ACTIVE)), made("v2", KeyState.PENDING))


def test_without_either_there_is_no_ring(file):
    source = FileAndEnvironment(file, {"PATH": "/bin"})

    assert source.origins() == ()
    with pytest.raises(KeyRingNotFoundError):
        source.load()


def test_the_environment_alone_makes_a_ring(file, both):
    source = FileAndEnvironment(file, variables(both))

    assert source.load() == both
    assert source.origins() == (ENVIRONMENT,)


def test_the_file_alone_makes_a_ring(file, both):
    file.create(both, ())

    assert FileAndEnvironment(file, {}).load() == both
    assert FileAndEnvironment(file, {}).origins() == (str(file.path),)


def test_both_make_one_ring_and_both_are_named(file, both):
    file.create(first_ring(both.versions["v1"]), ())
    source = FileAndEnvironment(file, variables(both))

    assert set(source.load().versions) == {"v1", "v2"}
    assert source.origins() == (str(file.path), ENVIRONMENT)


def test_the_environment_may_choose_among_the_versions_of_the_file(file, both):
    file.create(both, ())
    source = FileAndEnvironment(file, {"ACTIVE_ENCRYPTION_VERSION": "v2"})

    assert source.load().active == "v2"
    assert source.load().versions["v1"].state is KeyState.DECRYPT_ONLY
    with pytest.raises(KeyRingConflictError):
        source.verify_may_change()


def test_the_environment_may_add_a_version_without_choosing_it(file, both):
    file.create(first_ring(both.versions["v1"]), ())
    added = variables(first_ring(made("v0", KeyState.ACTIVE)))
    del added["ACTIVE_ENCRYPTION_VERSION"]
    source = FileAndEnvironment(file, added)

    assert source.load().active == "v1"
    assert source.load().versions["v0"].state is KeyState.DECRYPT_ONLY
    source.verify_may_change()


def test_two_keys_of_one_name_are_a_conflict(file):
    file.create(first_ring(made("v1", KeyState.ACTIVE)), ())
    with pytest.raises(KeyRingConflictError):
        FileAndEnvironment(file, variables(first_ring(made("v1", KeyState.ACTIVE)))).load()


def test_an_active_version_that_is_not_there_is_refused(file, both):
    file.create(both, ())
    with pytest.raises(KeyRingInvalidError):
        FileAndEnvironment(file, {"ACTIVE_ENCRYPTION_VERSION": "v9"}).load()
