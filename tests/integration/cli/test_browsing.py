"""Looking into a backup, comparing two, and restoring a part of one."""

import os
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run, events


@pytest.fixture
def tree(installed: Run, tmp_path: Path) -> Path:
    uploads = tmp_path / "uploads"
    (uploads / "album/2026").mkdir(parents=True)
    (uploads / "album/2026/one.raw").write_bytes(os.urandom(700_000))
    (uploads / "album/2026/one.txt").write_text("one")
    (uploads / "album/link").symlink_to("2026")
    os.link(uploads / "letter.txt", uploads / "zz-letter.txt")
    return uploads


@pytest.fixture
def backup(installed: Run, tree: Path) -> str:
    return back_up(installed)


def back_up(run: Run) -> str:
    code, out, err = run("backup", "run", "uploads", "--here", "--json")
    assert code == 0, err
    return str(events(out)[-1]["id"])


def restored(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_the_root_and_a_directory_of_a_backup_are_listed(installed: Run, backup: str) -> None:
    assert installed("backup", "ls", backup)[1].split() == ["album/", "letter.txt", "picture", "zz-letter.txt"]
    assert installed("backup", "ls", "latest:uploads", "album")[1].splitlines() == ["album/2026/", "album/link -> 2026"]


def test_everything_below_a_directory_is_listed_with_its_facts(installed: Run, backup: str) -> None:
    code, out, _ = installed("backup", "ls", backup, "album", "--recursive", "--long")
    assert code == 0
    assert [line.split()[-1] for line in out.splitlines()] == [
        "album/2026/",
        "album/2026/one.raw",
        "album/2026/one.txt",
        "2026",
    ]
    assert "700,000" in out
    entry = events(installed("backup", "ls", backup, "album/2026/one.txt", "--json")[1])[0]
    assert (entry["path"], entry["type"], entry["size"]) == ("album/2026/one.txt", "file", 3)


@pytest.mark.parametrize("command", [("backup", "ls"), ("restore", "plan")])
def test_a_path_that_is_not_in_the_backup_is_said(installed: Run, backup: str, command: tuple[str, str]) -> None:
    option = () if command[0] == "backup" else ("--path",)
    code, _, err = installed(*command, backup, *option, "album/2027")
    assert code == 10
    assert "backup.nothing_selected" in err
    assert "backup ls" in err


def test_two_backups_are_compared(installed: Run, backup: str, tree: Path) -> None:
    (tree / "new").write_text("new")
    (tree / "picture").unlink()
    (tree / "album/2026/one.txt").write_text("two")
    (tree / "album/2026/one.raw").chmod(0o600)
    (tree / "album/link").unlink()
    (tree / "album/link").mkdir()
    later = back_up(installed)
    code, out, err = installed("diff", backup, later)
    assert code == 0
    shown = [line for line in out.splitlines() if not line.startswith("U  ") or "one.raw" in line]
    assert shown == ["U  album/2026/one.raw", "M  album/2026/one.txt", "T  album/link/", "+  new", "-  picture"]
    assert "1 added" in err
    summary = events(installed("diff", backup, later, "--json")[1])[-1]
    assert (summary["added"], summary["removed"], summary["content"], summary["type"]) == (1, 1, 1, 1)
    assert installed("diff", later, "latest:uploads")[1] == ""


def test_a_part_of_a_backup_is_restored(installed: Run, backup: str, tree: Path, tmp_path: Path) -> None:
    wanted = ("--path", "album", "--exclude", "*.raw", "--include", "zz-*")
    plan = installed("restore", "plan", backup, *wanted)
    assert plan[0] == 0
    assert "3 files" in plan[1]
    assert "--path album" in plan[2]
    code, _, err = installed("restore", "run", backup, *wanted, "--target", "part", "--here")
    assert code == 0, err
    assert restored(tmp_path / "part") == {"album/2026/one.txt": b"one", "zz-letter.txt": b"Dear reader"}
    assert (tmp_path / "part/album/link").readlink() == Path("2026")
    assert (tmp_path / "part/album/2026").stat().st_mtime_ns == (tree / "album/2026").stat().st_mtime_ns


def test_a_restore_that_finds_nothing_leaves_no_target(installed: Run, backup: str, tmp_path: Path) -> None:
    code, _, err = installed(
        "restore", "run", backup, "--path", "album", "--path", "gone", "--target", "part", "--here"
    )
    assert code == 10
    assert "gone" in err
    assert not (tmp_path / "part").exists()


def test_a_dry_run_only_shows_the_plan(installed: Run, backup: str, tmp_path: Path) -> None:
    code, out, _ = installed("restore", "run", backup, "--path", "album", "--target", "part", "--dry-run")
    assert code == 0
    assert "write to" in out
    assert not (tmp_path / "part").exists()
    assert installed("jobs", "list", "--json")[1].count("restore.run") == 0


@pytest.mark.parametrize("wanted", [("--path", "../x"), ("--include", "!")])
def test_a_selection_that_makes_no_sense_is_refused(installed: Run, backup: str, wanted: tuple[str, str]) -> None:
    code, _, err = installed("restore", "run", backup, *wanted, "--target", "part", "--here")
    assert code == 2
    assert "backup.bad_selection" in err


def test_a_name_of_a_file_makes_no_line_of_its_own(installed: Run, tmp_path: Path) -> None:
    name = "a\n-rw-r--r--  root  fine\x1b[2J\x9b\u202etxt"
    (tmp_path / "uploads" / name).write_text("odd")
    backup = back_up(installed)

    listed = installed("backup", "ls", backup)[1].splitlines()
    assert [line.partition("\\n")[0] for line in listed] == ["a", "letter.txt", "picture"]
    assert all(line.isprintable() for line in listed)
    assert events(installed("backup", "ls", backup, "--json")[1])[0]["path"] == name
