"""The file of column keys: as the requirement writes it, checked on load, replaced whole, and never open to others."""

import base64
import hashlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.columnkeys.changes import destroyed, disabled, first_ring, new_version, promoted, with_pending
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.errors import (
    KeyRingConflictError,
    KeyRingDamagedError,
    KeyRingFileError,
    KeyRingNotFoundError,
)
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.errors import StrongroomError

NOW = datetime(2026, 1, 14, 12, 34, 56, tzinfo=UTC)
HEADER = ("# Generated at 2026-01-14T12:34:56Z", "# KEEP THIS FILE SAFE")
KEY, SALT = bytes(range(32)), bytes(range(16))
# Written with nothing but base64 and SHA-256, as the application of the requirement does.
FOREIGN = f"""\
# Gerado em 2025-01-14T12:34:56Z
# MANTENHA ESTE ARQUIVO SEGURO - NÃO VERSIONE EM GIT

ACTIVE_ENCRYPTION_VERSION="v1"
ENCRYPTION_KEYS__v1="{base64.b64encode(KEY).decode()}"
ENCRYPTION_SALT__v1="{base64.b64encode(SALT).decode()}"
ENCRYPTION_SALT_HASH__v1="{hashlib.sha256(SALT).hexdigest()}"
"""


@pytest.fixture
def file(tmp_path: Path) -> EnvCryptoFile:
    return EnvCryptoFile(tmp_path / ".env.crypto")


@pytest.fixture
def made(file: EnvCryptoFile) -> EnvCryptoFile:
    file.create(first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom)), HEADER)
    return file


def with_v2(ring: KeyRing) -> KeyRing:
    return promoted(with_pending(ring, new_version("v2", KeyState.PENDING, NOW, os.urandom)), "v2", NOW)


def write(file: EnvCryptoFile, text: str) -> None:
    file.path.write_text(text)
    file.path.chmod(0o600)


def lines(file: EnvCryptoFile) -> dict[str, str]:
    found = (line.partition("=") for line in file.path.read_text().splitlines() if "=" in line)
    return {name: value.strip('"') for name, _, value in found}


def test_a_new_file_has_the_lines_of_the_requirement_and_is_private(made):
    said = lines(made)

    assert made.path.read_text().startswith(
        "\n".join(HEADER) + '\n\nACTIVE_ENCRYPTION_VERSION="v1"\nENCRYPTION_KEYS__v1="'
    )
    assert len(base64.b64decode(said["ENCRYPTION_KEYS__v1"])) == 32
    salt = base64.b64decode(said["ENCRYPTION_SALT__v1"])
    assert said["ENCRYPTION_SALT_HASH__v1"] == hashlib.sha256(salt).hexdigest()
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600


def test_a_file_written_by_others_is_read(file):
    write(file, FOREIGN)
    version = file.load().active_version()

    assert (version.key, version.salt, version.state) == (KEY, SALT, KeyState.ACTIVE)


@pytest.mark.parametrize(
    "text",
    [
        FOREIGN.replace('"', ""),
        FOREIGN.replace('"', "'"),
        FOREIGN.replace("ENCRYPTION_KEYS", "export ENCRYPTION_KEYS").replace("\n", "\r\n"),
        FOREIGN.replace("=", " = ", 1) + 'DATABASE_URL="a\\"b"\n',
        FOREIGN.replace(hashlib.sha256(SALT).hexdigest(), hashlib.sha256(base64.b64encode(SALT)).hexdigest().upper()),
        FOREIGN.replace(base64.b64encode(KEY).decode(), base64.urlsafe_b64encode(KEY).decode().rstrip("=")),
    ],
)
def test_other_ways_to_write_the_same_are_read(file, text):
    write(file, text)

    assert file.load().active_version().key == KEY


def test_what_is_loaded_is_what_was_written(made):
    ring = made.change(with_v2)
    loaded = made.load()

    assert loaded == ring
    assert loaded.fingerprint() == ring.fingerprint()
    assert loaded.active == "v2"
    assert loaded.versions["v1"].created == NOW


def test_a_file_of_others_keeps_its_comments_and_what_is_not_ours(file):
    write(file, FOREIGN + "# ours\nDATABASE_URL=x\n")
    file.change(with_v2)
    text = file.path.read_text()

    assert text.startswith("# Gerado em 2025-01-14T12:34:56Z\n# MANTENHA")
    assert "\n# ours\nDATABASE_URL=x\n" in text
    assert file.load().get_version("v1").key == KEY


def test_what_the_file_said_before_a_change_stays_beside_it(made):
    before = made.path.read_bytes()
    made.change(with_v2)

    assert made.previous.read_bytes() == before
    assert stat.S_IMODE(made.previous.stat().st_mode) == 0o600


def test_a_destroyed_key_is_in_neither_file(made):
    made.change(with_v2)
    key = lines(made)["ENCRYPTION_KEYS__v1"]
    made.change(lambda ring: disabled(ring, ["v1"], NOW))
    made.change(lambda ring: destroyed(ring, ["v1"], NOW))

    assert key not in made.path.read_text() + made.previous.read_text()
    assert made.load().versions["v1"].state is KeyState.DESTROYED


def test_a_change_that_changes_nothing_writes_nothing(made):
    before = made.path.stat().st_mtime_ns
    made.change(lambda ring: ring)

    assert made.path.stat().st_mtime_ns == before
    assert not made.previous.exists()


def test_a_change_that_is_refused_leaves_the_file(made):
    before = made.path.read_bytes()
    with pytest.raises(KeyRingConflictError):
        made.change(lambda ring: destroyed(ring, ["v1"], NOW))

    assert made.path.read_bytes() == before


def test_no_file_is_written_over(made):
    with pytest.raises(KeyRingConflictError):
        made.create(made.load(), HEADER)
    made.change(with_v2)
    made.path.unlink()
    with pytest.raises(KeyRingConflictError):
        made.create(first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom)), HEADER)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_open_to_others_is_refused(made, mode):
    made.path.chmod(mode)
    with pytest.raises(KeyRingFileError, match="chmod 600"):
        made.load()


def test_a_missing_file_or_folder_is_said_to_be_missing(tmp_path):
    with pytest.raises(KeyRingNotFoundError):
        EnvCryptoFile(tmp_path / "x").load()
    with pytest.raises(KeyRingNotFoundError):
        EnvCryptoFile(tmp_path / "none" / "x").change(with_v2)
    with pytest.raises(KeyRingFileError, match="no folder"):
        EnvCryptoFile(tmp_path / "none" / "x").create(
            first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom)), HEADER
        )


def flipped(text: str) -> str:
    """Return base64 or hexadecimal text with one character changed for another of its alphabet."""
    return ("b" if text[5] != "b" else "c").join((text[:5], text[6:]))


@pytest.mark.parametrize("name", ["SALT__v1", "SALT_HASH__v1", "KEYS__v1", "CHECK__v1", "FILE_MAC"])
def test_a_flipped_character_is_noticed(made, name):
    value = lines(made)[f"ENCRYPTION_{name}"]
    write(made, made.path.read_text().replace(value, flipped(value)))
    with pytest.raises(KeyRingDamagedError):
        made.load()


def test_a_key_that_changed_is_noticed_without_the_mac_too(made):
    value = lines(made)["ENCRYPTION_KEYS__v1"]
    kept = [line for line in made.path.read_text().splitlines() if "FILE_MAC" not in line]
    write(made, "\n".join(kept).replace(value, flipped(value)))
    with pytest.raises(KeyRingDamagedError, match="Key integrity check failed"):
        made.load()


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text.replace("# KEEP", "# LEAVE"),
        lambda text: text + "\n",
        lambda text: text.replace('STATE__v1="decrypt_only"', 'STATE__v1="disabled"'),
        lambda text: "\n".join(line for line in text.splitlines() if "__v1" not in line) + "\n",
    ],
)
def test_any_change_by_hand_is_noticed_unless_the_mac_goes_too(made, changed):
    made.change(with_v2)
    text = changed(made.path.read_text())
    write(made, text)
    with pytest.raises(KeyRingDamagedError, match="FILE_MAC"):
        made.load()

    write(made, "\n".join(line for line in text.splitlines() if "FILE_MAC" not in line))
    assert made.load().active == "v2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ACTIVE_ENCRYPTION_VERSION=v1\n",
        FOREIGN.replace("ACTIVE_ENCRYPTION_VERSION", "OTHER"),
        FOREIGN.replace('VERSION="v1"', 'VERSION="v2"'),
        FOREIGN + 'ENCRYPTION_SALT__v1="AAAA"\n',
        FOREIGN + "ENCRYPTION_KEYS__v2=AAAA\n",
        FOREIGN + "ENCRYPTION_STATE__v1=old\n",
        FOREIGN + "ENCRYPTION_STATE__v1=pending\n",
        FOREIGN + "ENCRYPTION_CREATED__v1=yesterday\n",
        FOREIGN + 'ENCRYPTION_STATE__v2="active\n',
        FOREIGN.replace("__v1", "__v:1").replace('"v1"', '"v:1"'),
        FOREIGN + "some words\n",
        FOREIGN + "A=\x00\n",
        FOREIGN.replace(base64.b64encode(KEY).decode(), "not base64"),
        FOREIGN.replace(base64.b64encode(KEY).decode(), "aws-kms:1234:AAAA"),
    ],
)
def test_what_is_no_ring_is_refused_without_showing_it(file, text):
    write(file, text)
    with pytest.raises(KeyRingFileError) as refusal:
        file.load()

    assert base64.b64encode(KEY).decode() not in str(refusal.value)


@given(st.binary(max_size=400))
def test_any_bytes_make_a_ring_or_a_typed_error(content):
    _read(content)


@given(at=st.integers(0, len(FOREIGN) - 1), cut=st.integers(0, 20), put=st.text(max_size=8))
def test_any_edit_makes_a_ring_or_a_typed_error(at, cut, put):
    _read((FOREIGN[:at] + put + FOREIGN[at + cut :]).encode("utf-8", "surrogatepass"))


@given(
    st.lists(st.sampled_from([*FOREIGN.splitlines(), "ENCRYPTION_STATE__v1=destroyed", "ENCRYPTION_FILE_MAC=00", "="]))
)
def test_any_order_of_lines_makes_a_ring_or_a_typed_error(chosen):
    _read("\n".join(chosen).encode())


def _read(content: bytes) -> None:
    refusal = None
    try:
        EnvCryptoFile(Path("any")).parse(content)
    except StrongroomError as error:
        refusal = error

    assert refusal is None or refusal.code.startswith("columnkeys.")
    assert base64.b64encode(KEY).decode() not in str(refusal)


def test_a_file_behind_a_link_is_changed_where_it_is(tmp_path: Path):
    (tmp_path / "secrets").mkdir()
    there, link = EnvCryptoFile(tmp_path / "secrets" / "shop"), EnvCryptoFile(tmp_path / ".env.crypto")
    first = first_ring(KeyVersion("v1", KeyState.ACTIVE, KEY, SALT, NOW))
    there.create(first, ())
    link.path.symlink_to(there.path)

    new_ring = link.change(lambda held: with_pending(held, KeyVersion("v2", KeyState.PENDING, SALT * 2, SALT, NOW)))

    assert link.path.is_symlink()
    assert there.load().fingerprint() == new_ring.fingerprint() != first.fingerprint()
