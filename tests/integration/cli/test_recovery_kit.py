"""With the recovery kit and one region, everything is restored when keys, catalog and machine are lost."""

import json
import re
import shutil
from pathlib import Path

import pytest

from strongroom.keyring.recovery_text import key_text, read_key_file
from strongroom.keyring.secret import SecretKey
from tests.integration.backup.conftest import files
from tests.integration.cli.conftest import Run, events


def kit(installed: Run, *words: str) -> dict[str, object]:
    code, out, err = installed("recovery-kit", *words, "--here", "--json")
    assert code == 0, err
    return events(out)[-1]


def back_up(installed: Run) -> str:
    code, out, err = installed("backup", "run", "uploads", "--here", "--json")
    assert code == 0, err
    return str(events(out)[-1]["id"])


def settings_on_the_page(page: str) -> str:
    return page[page.index("[regions.") :]


def restored(run: Run, backup: str, *words: str) -> dict[str, bytes]:
    target = Path("restored") / f"{backup}-{len(words)}"
    code, _, err = run("restore", "run", backup, "--target", str(target), "--here", *words)
    assert code == 0, err
    return files(target)


@pytest.mark.parametrize("left", ["eu-west-1", "ap-southeast-1"])
def test_the_kit_and_one_region_are_enough(
    installed: Run, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    before = back_up(installed)
    made = kit(installed, "kit.txt")
    assert (made["backups"], made["regions_missed"]) == (1, [])
    (tmp_path / "uploads/later").write_text("after the kit was made")
    after = back_up(installed)
    page, expected = (tmp_path / "kit.txt").read_text(), files(tmp_path / "uploads")

    host = tmp_path / "new host"
    host.mkdir()
    host.joinpath("kit.txt").write_text(re.findall("SRK1-.*", page)[0])
    host.joinpath("kit.txt").chmod(0o600)
    shutil.move(tmp_path / "regions" / left, host / left)
    for lost in ("regions", "data"):
        shutil.rmtree(tmp_path / lost)
    for path in tmp_path.glob("strongroom.*"):
        path.unlink()
    monkeypatch.chdir(host)
    table = next(part for part in settings_on_the_page(page).split("\n\n") if f"[regions.{left}]" in part)
    table = re.sub("path = .*", f'path = "{left}"', table)
    host.joinpath("strongroom.toml").write_text(table if "home" in table else f"{table}\nhome = true\n")

    code, out, err = run("catalog", "rebuild", "--recovery-key-file", "kit.txt", "--json")
    assert code == 0, err
    assert json.loads(out)["adopted"] == 2
    assert restored(run, after, "--recovery-key-file", "kit.txt") == expected
    assert restored(run, before, "--recovery-key-file", "kit.txt").keys() == expected.keys() - {"later"}
    assert run("restore", "run", after, "--target", "again", "--here")[0] != 0


def test_the_page_says_all_but_nothing_else_shows_the_key(
    installed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(installed)
    code, out, err = installed("recovery-kit", "kit.txt", "--here", "-vv")
    assert code == 0
    file = tmp_path / "kit.txt"
    assert file.stat().st_mode & 0o777 == 0o600
    key = read_key_file(file)
    text = re.findall("SRK1-.*", file.read_text())[0]
    for region in ("eu-west-1", "us-east-1", "ap-southeast-1"):
        assert f"[regions.{region}]" in file.read_text()
    assert (text in out + err, key.reveal().hex() in out + err) == (False, False)
    spellings = (key.reveal(), text.encode(), key.reveal().hex().encode())
    for path in [*(tmp_path / "data").rglob("*"), *(tmp_path / "regions").rglob("*"), tmp_path / "strongroom.keys"]:
        if path.is_file():
            assert not any(spelling in path.read_bytes() for spelling in spellings), path


def test_there_is_one_key_until_it_is_replaced_and_then_only_the_new_one_opens(installed: Run, tmp_path: Path) -> None:
    backup = back_up(installed)
    kit(installed, "first.txt")
    assert installed("recovery-kit", "second.txt", "--here")[0] == 11
    assert not (tmp_path / "second.txt").exists()
    assert installed("recovery-kit", "first.txt", "--replace", "--here")[0] == 11
    assert kit(installed, "--keep-key")["written"] == 0
    assert kit(installed, "second.txt", "--replace")["removed"] == 6
    assert restored(installed, backup, "--recovery-key-file", "second.txt") == files(tmp_path / "uploads")
    code, _, err = installed("restore", "run", backup, "--target", "x", "--here", "--recovery-key-file", "first.txt")
    assert code == 12, err


def test_a_key_rotation_keeps_the_recovery_slots(installed: Run, tmp_path: Path) -> None:
    backup = back_up(installed)
    kit(installed, "kit.txt")
    for region in ("eu-west-1", "us-east-1", "ap-southeast-1"):
        assert installed("rotate-kek", "--region", region, "--remove-old", "--here")[0] == 0
    assert restored(installed, backup, "--recovery-key-file", "kit.txt") == files(tmp_path / "uploads")
    assert restored(installed, backup) == files(tmp_path / "uploads")


def test_shredding_takes_the_recovery_slot_too(installed: Run, tmp_path: Path) -> None:
    gone = back_up(installed)
    back_up(installed)
    kit(installed, "kit.txt")
    assert installed("backup", "retire", gone, "--confirm", "uploads")[0] == 0
    assert installed("collect", "--apply", "--max-share", "100", "--here")[0] == 0
    left = [path for path in (tmp_path / "regions").rglob("*_recovery*") if gone.replace("-", "") in str(path)]
    assert left == []


@pytest.mark.parametrize("words", [(), ("kit.txt", "--keep-key"), ("--keep-key", "--replace")])
def test_a_key_needs_a_file_and_keeping_it_needs_none(installed: Run, words: tuple[str, ...]) -> None:
    assert installed("recovery-kit", *words)[0] == 2


def test_without_a_key_there_is_nothing_to_keep(installed: Run) -> None:
    assert installed("recovery-kit", "--keep-key", "--here")[0] == 10


def test_workers_do_not_get_the_recovery_key(installed: Run, tmp_path: Path) -> None:
    backup = back_up(installed)
    kit(installed, "kit.txt")
    assert installed("restore", "run", backup, "--target", "x", "--recovery-key-file", "kit.txt")[0] == 2


def test_a_wrong_key_opens_nothing(installed: Run, tmp_path: Path) -> None:
    back_up(installed)
    kit(installed, "kit.txt")
    other = tmp_path / "other.txt"
    other.write_text(key_text(SecretKey(bytes(32))))
    other.chmod(0o600)
    assert installed("catalog", "rebuild", "--recovery-key-file", "other.txt")[0] == 12
