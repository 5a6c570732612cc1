"""Restore targets as people spell them."""

from pathlib import Path

import pytest

from strongroom.backup.targets import FilesTargetRequest, PostgresTargetRequest, TargetRequest
from strongroom.catalog.backups import Backup
from strongroom.cli.errors import TargetSpellingError
from strongroom.cli.restore_report import spell_target
from strongroom.cli.targets import read_target


def backup_of(kind: str) -> Backup:
    return Backup(source="shop", source_kind=kind)


@pytest.mark.parametrize(
    ("spelled", "target"),
    [
        ("copy", PostgresTargetRequest("shop", "copy")),
        ("other/copy", PostgresTargetRequest("other", "copy")),
        (None, PostgresTargetRequest("shop", "shop_restored")),
    ],
)
def test_a_database_is_on_the_server_of_its_source_unless_said_otherwise(
    spelled: str | None, target: TargetRequest
) -> None:
    assert read_target(backup_of("postgres"), spelled) == target


@pytest.mark.parametrize("spelled", ["/srv/restored", "other/", "a/b/c", "/", ""])
def test_a_path_is_no_database(spelled: str) -> None:
    with pytest.raises(TargetSpellingError):
        read_target(backup_of("postgres"), spelled)


@pytest.mark.parametrize(
    ("spelled", "path"), [("/srv/restored", "/srv/restored"), ("out", "out"), (None, "shop-restored")]
)
def test_a_directory_is_made_absolute(
    spelled: str | None, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_target(backup_of("files"), spelled) == FilesTargetRequest(tmp_path / path)


@pytest.mark.parametrize("target", [FilesTargetRequest(Path("/srv/x")), PostgresTargetRequest("other", "copy")])
def test_a_target_is_spelled_as_it_is_read(target: TargetRequest) -> None:
    kind = target.as_args()["kind"]
    assert read_target(backup_of(kind), spell_target(target.as_args())) == target


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(TargetSpellingError, match="empty"):
        read_target(backup_of("files"), "")
