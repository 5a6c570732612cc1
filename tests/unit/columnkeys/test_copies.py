"""Sealed copies open with any key they were sealed to, tell what is in them, and go only when nothing needs them."""

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.columnkeys.changes import destroyed, first_ring, new_version, promoted, with_pending
from strongroom.columnkeys.copies import list_copies, open_copy_file, plan_removal, write_copy
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.errors import KeyRingFileError, SealedCopyError
from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.keyring.errors import WrongKeyError
from strongroom.keyring.passphrase import PassphraseKekProvider
from strongroom.keyring.recovery import RecoveryKekProvider
from strongroom.keyring.secret import SecretKey

NOW = datetime(2024, 10, 15, 14, 30, 22, tzinfo=UTC)
GRACE = timedelta(days=30)


@pytest.fixture(scope="module")
def passphrase() -> PassphraseKekProvider:
    return PassphraseKekProvider("correct horse battery")


@pytest.fixture
def recovery() -> RecoveryKekProvider:
    return RecoveryKekProvider.of(SecretKey(os.urandom(32)))


@pytest.fixture
def file(tmp_path: Path) -> EnvCryptoFile:
    made = EnvCryptoFile(tmp_path / ".env.crypto")
    made.create(first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom)), ())
    return made


def rotated(ring: KeyRing) -> KeyRing:
    name = f"v{len(ring.versions) + 1}"
    return promoted(with_pending(ring, new_version(name, KeyState.PENDING, NOW, os.urandom)), name, NOW)


def test_a_copy_has_the_name_of_its_second_and_is_private(file, passphrase):
    path = write_copy(file, [passphrase], NOW)

    assert path.name == ".env.crypto.backup_20241015_143022"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert write_copy(file, [passphrase], NOW).name == ".env.crypto.backup_20241015_143023"


def test_a_copy_shows_no_key_and_opens_to_the_same_ring(file, passphrase):
    path = write_copy(file, [passphrase], NOW)
    key = json.dumps(file.path.read_text()).split("KEYS__v1")[1][4:40]

    assert key not in path.read_text()
    assert open_copy_file(path, file, [passphrase])[0] == file.load()


def test_any_of_the_keys_opens_it(file, passphrase, recovery):
    public = RecoveryKekProvider(recovery.public)
    path = write_copy(file, [passphrase, public], NOW)

    assert open_copy_file(path, file, [recovery])[0] == file.load()
    assert open_copy_file(path, file, [passphrase])[0] == file.load()
    with pytest.raises(WrongKeyError):
        open_copy_file(path, file, [public])
    with pytest.raises(WrongKeyError):
        open_copy_file(path, file, [PassphraseKekProvider("incorrect horse battery")])
    with pytest.raises(WrongKeyError, match="passphrase, recovery"):
        open_copy_file(path, file, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [("made", "2020-01-01T00:00:00Z"), ("ring", "0" * 32), ("holds", ["v1", "v2"]), ("sealed", "AAAA"), ("nonce", "?")],
)
def test_a_changed_copy_does_not_open(file, recovery, field, value):
    path = write_copy(file, [recovery], NOW)
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises((SealedCopyError, WrongKeyError)):
        open_copy_file(path, file, [recovery])


@pytest.mark.parametrize("content", ["{}", '{"format": "other"', "{\xff"])
def test_what_is_no_copy_is_refused(file, content):
    path = file.path.with_name("copy")
    path.write_text(content, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(SealedCopyError):
        open_copy_file(path, file, [])


def test_a_plain_copy_made_by_hand_is_read_if_it_is_private(file):
    path = file.path.with_name("copy")
    path.write_bytes(file.path.read_bytes())
    path.chmod(0o600)
    assert open_copy_file(path, file, [])[0] == file.load()

    path.chmod(0o644)
    with pytest.raises(KeyRingFileError):
        open_copy_file(path, file, [])


def test_old_copies_may_go_and_the_newest_stay(file, recovery):
    paths = [write_copy(file, [recovery], NOW + timedelta(days=day)) for day in range(7)]
    leaving = plan_removal(list_copies(file), file.load(), 5, NOW, GRACE)

    assert [copy.path for copy in leaving] == paths[:2]


def test_the_last_copy_of_a_destroyed_key_stays_for_its_grace_time(file, recovery):
    write_copy(file, [recovery], NOW)
    file.change(rotated)
    last = write_copy(file, [recovery], NOW + timedelta(days=1))
    ring = file.change(lambda before: destroyed(before, ["v1"], NOW + timedelta(days=1)))
    for day in range(2, 5):
        write_copy(file, [recovery], NOW + timedelta(days=day))

    def left(now: datetime) -> list[Path]:
        leaving = plan_removal(list_copies(file), ring, 1, now, GRACE)
        return [copy.path for copy in list_copies(file) if copy not in leaving]

    assert last in left(NOW + timedelta(days=20))
    assert len(left(NOW + timedelta(days=20))) == 2
    assert len(left(NOW + timedelta(days=32))) == 1


def test_files_that_are_no_copies_are_passed_over(file, recovery):
    file.path.with_name(".env.crypto.backup_notes").write_text("mine")
    write_copy(file, [recovery], NOW)

    assert len(list_copies(file)) == 1
