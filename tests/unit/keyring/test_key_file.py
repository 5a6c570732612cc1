"""The key file on disk."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from strongroom.keyring.errors import KeyFileError, KeyVersionNotFoundError
from strongroom.keyring.key_file import KeyFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_every_name_gets_a_first_version(path: Path) -> None:
    key_file = KeyFile.create(path, ["eu-west-1", "us-east-1"])
    assert key_file.names() == ("eu-west-1", "us-east-1")
    assert key_file.current_version("eu-west-1") == "v1"
    assert key_file.get_key("eu-west-1", "v1") != key_file.get_key("us-east-1", "v1")


def test_the_file_and_its_copy_are_private_and_equal(path: Path) -> None:
    KeyFile.create(path, ["home"])
    copy = path.with_name("keys.json.copy")
    assert path.stat().st_mode & 0o777 == 0o600
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.read_bytes() == path.read_bytes()


def test_an_existing_key_file_is_not_replaced(path: Path) -> None:
    KeyFile.create(path, ["home"])
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match="exists already"):
        KeyFile.create(path, ["home"])
    assert path.read_bytes() == before


def test_a_rotated_key_keeps_its_old_version(path: Path) -> None:
    key_file = KeyFile.create(path, ["home", "other"])
    first = key_file.get_key("home", "v1")
    assert key_file.rotate("home") == "v2"
    assert key_file.current_version("home") == "v2"
    assert key_file.get_key("home", "v1") == first
    assert key_file.get_key("home", "v2") != first
    assert key_file.current_version("other") == "v1"


def test_a_rotation_elsewhere_is_seen_at_once(path: Path) -> None:
    seen_by_a_worker = KeyFile.create(path, ["home"])
    KeyFile.load(path).rotate("home")
    assert seen_by_a_worker.current_version("home") == "v2"


def test_rotations_at_the_same_time_lose_no_version(path: Path) -> None:
    KeyFile.create(path, ["home"])
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda _: KeyFile(path).rotate("home"), range(16)))
    assert sorted(versions) == sorted(f"v{number}" for number in range(2, 18))
    assert KeyFile(path).current_version("home") == "v17"


def test_a_region_that_comes_later_gets_a_key_of_its_own(path: Path) -> None:
    key_file = KeyFile.create(path, ["home"])
    assert key_file.add("later") == "v1"
    assert key_file.names() == ("home", "later")
    with pytest.raises(KeyFileError, match="already has"):
        key_file.add("later")


def test_randomness_comes_from_the_argument(path: Path) -> None:
    key_file = KeyFile.create(path, ["home"], lambda count: b"\x07" * count)
    assert key_file.get_key("home", "v1").reveal() == b"\x07" * 32


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o602])
def test_a_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    KeyFile.create(path, ["home"])
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        KeyFile.load(path)


def test_a_file_only_its_owner_can_read_is_enough(path: Path) -> None:
    KeyFile.create(path, ["home"])
    path.chmod(0o400)
    assert KeyFile.load(path).names() == ("home",)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"keys\.json does not exist"):
        KeyFile.load(path)


def test_a_missing_directory_is_reported_on_creation(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError):
        KeyFile.create(tmp_path / "absent" / "keys.json", ["home"])


def test_a_directory_is_not_a_key_file(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError):
        KeyFile.load(tmp_path)


def test_an_unknown_name_lists_the_known_ones(path: Path) -> None:
    key_file = KeyFile.create(path, ["eu", "us"])
    with pytest.raises(KeyVersionNotFoundError, match="It has: eu, us"):
        key_file.current_version("ap")
    with pytest.raises(KeyVersionNotFoundError):
        key_file.rotate("ap")


def test_an_unknown_version_is_not_found(path: Path) -> None:
    with pytest.raises(KeyVersionNotFoundError, match="v2"):
        KeyFile.create(path, ["home"]).get_key("home", "v2")


@pytest.mark.parametrize("name", ["", " ", "-a", "a/b", "a\n", "a" * 65, "ü"])
def test_a_bad_name_is_refused(path: Path, name: str) -> None:
    with pytest.raises(KeyFileError):
        KeyFile.create(path, [name])
    assert not path.exists()


def _drop_format(document: dict[str, object]) -> None:
    del document["format"]


def _other_version(document: dict[str, object]) -> None:
    document["version"] = 2


def _unknown_field(document: dict[str, object]) -> None:
    document["extra"] = 1


DAMAGES: list[Callable[[dict[str, object]], None]] = [_drop_format, _other_version, _unknown_field]


@pytest.mark.parametrize("damage", DAMAGES)
def test_another_kind_of_document_is_refused(path: Path, damage: Callable[[dict[str, object]], None]) -> None:
    KeyFile.create(path, ["home"])
    document = json.loads(path.read_bytes())
    damage(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(KeyFileError, match="not a sound key file"):
        KeyFile.load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": "strongroom-key-file"}'])
def test_garbage_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a sound key file"):
        KeyFile.load(path)


@pytest.mark.parametrize(
    "version",
    [
        {"key": "", "check": "0"},
        {"key": "AAAA", "check": "0"},
        {"key": "!" * 44, "check": "0"},
        {"key": "A" * 43 + "=", "check": "0" * 16},
    ],
)
def test_a_damaged_key_is_refused_without_showing_it(path: Path, version: dict[str, str]) -> None:
    keys = {"home": {"current": "v1", "versions": {"v1": version}}}
    path.write_text(json.dumps({"format": "strongroom-key-file", "version": 1, "keys": keys}), encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="version v1 of 'home'") as caught:
        KeyFile.load(path)
    assert "AAAA" not in str(caught.value)


def test_a_current_version_that_does_not_exist_is_refused(path: Path) -> None:
    KeyFile.create(path, ["home"])
    path.write_text(path.read_text(encoding="utf-8").replace('"current": "v1"', '"current": "v9"'), encoding="utf-8")
    with pytest.raises(KeyFileError, match="not v1, v2"):
        KeyFile.load(path)


def test_an_interrupted_rotation_leaves_the_old_file_and_is_repeatable(path: Path) -> None:
    key_file = KeyFile.create(path, ["home"])
    path.with_name("keys.json.new").write_bytes(b"half a file")
    assert key_file.rotate("home") == "v2"
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["keys.json", "keys.json.copy", "keys.json.lock"]


def test_the_copy_replaces_a_lost_file(path: Path) -> None:
    key_file = KeyFile.create(path, ["home"])
    key_file.rotate("home")
    kept = key_file.get_key("home", "v2")
    path.with_name("keys.json.copy").replace(path)
    assert key_file.get_key("home", "v2") == kept
