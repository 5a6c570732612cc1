"""Names of exports, which of them go, and whether there is room."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from strongroom.exports.errors import NoRoomError
from strongroom.exports.keeping import Keeping, Kept, list_exports, plan_removal, remove
from strongroom.exports.manifest import Manifest, StoragePart, manifest_json
from strongroom.exports.naming import MANIFEST, archive_name, directory_name, find_moment
from strongroom.exports.room import SPARE, free_bytes, verify_room

NOW = datetime(2026, 3, 10, 2, 0, 0, tzinfo=UTC)


def aged(*days: int) -> list[Kept]:
    moments = [NOW - timedelta(days=day) for day in days]
    return [Kept(Path(directory_name(moment)), moment) for moment in moments]


def ages(exports: list[Kept]) -> list[int]:
    return sorted((NOW - export.moment).days for export in exports)


def make(directory: Path, days: int) -> Path:
    moment = NOW - timedelta(days=days)
    path = directory / directory_name(moment)
    path.mkdir()
    name = archive_name("storage", moment)
    part = StoragePart(backup_file=name, size_bytes=1, sha256="0" * 64, source="up", backup=uuid4())
    (path / MANIFEST).write_bytes(manifest_json(Manifest(timestamp=moment, version="1.0", storage=part)))
    (path / name).write_bytes(b"x")
    return path


def test_names_carry_the_moment_in_utc() -> None:
    moment = datetime(2025, 11, 20, 14, tzinfo=UTC).astimezone()
    assert directory_name(moment) == "backup_20251120_140000"
    assert archive_name("db", moment) == "db_backup_20251120_140000.tar"
    assert find_moment(directory_name(moment)) == moment


@pytest.mark.parametrize(
    "name", ["backup", "backup_20251120", "backup_20259920_140000", "x_backup_20251120_140000", "backup_2025-11-20"]
)
def test_other_names_are_not_those_of_exports(name: str) -> None:
    assert find_moment(name) is None


def test_nothing_goes_where_nothing_was_said() -> None:
    assert plan_removal(aged(1, 100, 1000), Keeping(), NOW) == []


def test_exports_older_than_the_days_go() -> None:
    assert ages(plan_removal(aged(0, 6, 7, 8, 30), Keeping(days=7), NOW)) == [8, 30]


def test_the_newest_stays_whatever_its_age() -> None:
    assert ages(plan_removal(aged(400, 500), Keeping(days=7), NOW)) == [500]
    assert plan_removal(aged(400), Keeping(days=1), NOW) == []


def test_so_many_of_the_newest_stay() -> None:
    assert ages(plan_removal(aged(3, 1, 2, 0, 4), Keeping(newest=2), NOW)) == [2, 3, 4]
    assert plan_removal(aged(1, 2), Keeping(newest=7), NOW) == []


def test_with_both_what_either_keeps_stays() -> None:
    assert ages(plan_removal(aged(0, 1, 20, 30, 40), Keeping(days=7, newest=3), NOW)) == [30, 40]
    assert ages(plan_removal(aged(0, 1, 2, 3), Keeping(days=7, newest=1), NOW)) == []


def test_exports_are_listed_newest_first_and_nothing_else_is(tmp_path: Path) -> None:
    old, new = make(tmp_path, 5), make(tmp_path, 1)
    (tmp_path / "backup_20200101_000000").mkdir()
    (tmp_path / "backup_20200102_000000").symlink_to(old)
    (tmp_path / "backup_20200103_000000").write_text("a file")
    broken = make(tmp_path, 7)
    (broken / MANIFEST).write_text("{}")
    (tmp_path / "letters").mkdir()
    assert [export.path for export in list_exports(tmp_path)] == [new, old]


def test_an_export_is_removed_whole_and_its_neighbours_stay(tmp_path: Path) -> None:
    old, new = make(tmp_path, 5), make(tmp_path, 1)
    remove(list_exports(tmp_path)[1])
    assert not old.exists()
    assert [export.path for export in list_exports(tmp_path)] == [new]


def test_what_fits_is_let_through_and_what_does_not_is_refused(tmp_path: Path) -> None:
    verify_room(tmp_path, 1000, lambda _: 1000 + SPARE)
    with pytest.raises(NoRoomError) as refused:
        verify_room(tmp_path, 1001, lambda _: 1000 + SPARE)
    assert refused.value.details == {"free_bytes": 1000 + SPARE, "needed_bytes": 1001 + SPARE}
    assert "MiB free" in refused.value.what


def test_room_is_asked_for_where_a_directory_will_be(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet" / "there") > 0
    with pytest.raises(NoRoomError):
        verify_room(tmp_path / "not" / "yet", 1 << 62)
