"""Exports of a real database and a directory, and restores from them when nothing else is left."""

import hashlib
import importlib.util
import json
import os
import pty
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from strongroom.cli.main import main
from strongroom.testing.postgres import ScratchPostgres
from tests.integration.cli.conftest import events
from tests.integration.cli.exported import CANARY, ROWS, Place, database, uploads

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts" / "dr"
WITHOUT_POWER = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, postgres_server: ScratchPostgres) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("exporting")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
            patch.delenv(name)
        patch.setenv("SHOP_PASSWORD", postgres_server.password)
        here = Place(directory, postgres_server, f"shop_{os.urandom(4).hex()}")
        assert here.call("init", "--quiet") == 0
        uploads(here)
        database(here)
        yield here
        postgres_server.drop_database(here.dbname)


@pytest.fixture(scope="module")
def exported(place: Place) -> Path:
    """One whole export; tests copy it before they harm it."""
    assert place.call("export", "make", "--output", str(place.exports)) == 0
    return next(place.exports.iterdir())


@pytest.fixture
def bare(place: Place, exported: Path, tmp_path: Path) -> Iterator[Place]:
    """What is left after a disaster: an export, the configuration and the key file. No catalog, regions or sources."""
    for name in ("strongroom.toml", "strongroom.keys"):
        shutil.copy(place.directory / name, tmp_path / name)
    shutil.copytree(exported, tmp_path / "exports" / exported.name)
    left = Place(tmp_path, place.server, f"bare_{os.urandom(4).hex()}")
    left.config.write_text(left.config.read_text().replace(f'dbname = "{place.dbname}"', f'dbname = "{left.dbname}"'))
    yield left
    place.server.drop_database(left.dbname)


def only_export(place: Place) -> Path:
    return next(place.exports.iterdir())


def restore(place: Place, *words: str) -> int:
    return place.call(
        "export", "restore", str(only_export(place)), "--no-confirm", "--database-target", place.dbname, *words
    )


def manifest(export: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((export / "manifest.json").read_text())
    return document


def change(export: Path, part: str, **fields: Any) -> None:
    document = manifest(export)
    document[part] |= fields
    (export / "manifest.json").write_text(json.dumps(document))


def test_the_manifest_says_what_was_backed_up_and_from_where(place: Place, exported: Path) -> None:
    written = manifest(exported)
    described = {"host": place.server.host, "port": str(place.server.port), "name": place.dbname}
    assert described.items() <= written["database"].items()
    assert written["version"] == "1.0"
    for part in ("database", "storage"):
        assert (exported / written[part]["backup_file"]).stat().st_size == written[part]["size_bytes"] > 0


def test_names_carry_the_moment(exported: Path) -> None:
    when = exported.name.removeprefix("backup_")
    assert {path.name for path in exported.iterdir()} == {
        "manifest.json",
        f"db_backup_{when}.tar",
        f"storage_backup_{when}.tar",
    }


def test_an_export_is_private_and_nothing_in_it_is_in_clear(exported: Path) -> None:
    assert stat.S_IMODE(exported.stat().st_mode) == 0o700
    for path in exported.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert CANARY.encode() not in path.read_bytes()


def test_the_backups_are_ordinary_ones_in_every_region(place: Place, exported: Path, capfd: Any) -> None:
    capfd.readouterr()
    assert place.call("backup", "show", manifest(exported)["database"]["backup"], "--json") == 0
    assert {replica["state"] for replica in json.loads(capfd.readouterr().out)["replicas"]} == {"present"}


def test_an_export_is_checked_without_a_key(exported: Path, capfd: Any) -> None:
    assert main(("export", "check", str(exported))) == 0
    assert "2 files as written" in capfd.readouterr().out


def test_exports_are_listed(place: Place, exported: Path, capfd: Any) -> None:
    capfd.readouterr()
    assert place.call("export", "list", str(place.exports), "--json") == 0
    assert str(exported) in [one["directory"] for one in json.loads(capfd.readouterr().out)]


def test_all_is_restored_from_an_export_a_configuration_and_a_key(bare: Place, place: Place) -> None:
    assert restore(bare) == 0
    assert bare.rows(bare.dbname) == ROWS
    assert (bare.uploads / "letter.txt").read_text() == CANARY
    assert (bare.uploads / "deep/picture").read_bytes() == (place.uploads / "deep/picture").read_bytes()


def test_the_database_alone_is_restored(bare: Place) -> None:
    assert restore(bare, "--database-only") == 0
    assert bare.rows(bare.dbname) == ROWS
    assert not bare.uploads.exists()


def test_the_directory_alone_is_restored_elsewhere(bare: Place, tmp_path: Path) -> None:
    assert restore(bare, "--storage-only", "--storage-target", str(tmp_path / "elsewhere")) == 0
    assert (tmp_path / "elsewhere/letter.txt").read_text() == CANARY
    assert bare.dbname not in bare.databases()


def test_parts_cannot_exclude_each_other(bare: Place) -> None:
    assert restore(bare, "--database-only", "--storage-only") == 2


def test_without_a_key_nothing_is_restored(bare: Place) -> None:
    (bare.directory / "strongroom.keys").unlink()
    assert restore(bare) == 2
    assert bare.dbname not in bare.databases()


def test_the_recovery_key_opens_an_export(place: Place, bare: Place) -> None:
    kit = bare.directory / "kit.txt"
    assert place.call("recovery-kit", str(kit), "--here") == 0
    assert place.call("export", "make", "--latest", "--database-only", "--output", str(bare.directory / "new")) == 0
    (bare.directory / "strongroom.keys").unlink()
    shutil.rmtree(bare.exports)
    (bare.directory / "new").rename(bare.exports)
    assert restore(bare, "--recovery-key-file", str(kit)) == 0
    assert bare.rows(bare.dbname) == ROWS


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda export: (export / "manifest.json").unlink(), 10),
        (lambda export: (export / "manifest.json").write_text("{"), 15),
        (lambda export: change(export, "database", size_bytes=1), 15),
        (lambda export: change(export, "database", sha256="0" * 64), 15),
        (lambda export: change(export, "storage", backup=manifest(export)["database"]["backup"]), 15),
        (lambda export: change(export, "database", name="other"), 15),
        (lambda export: (export / manifest(export)["storage"]["backup_file"]).unlink(), 15),
        (lambda export: (export / manifest(export)["storage"]["backup_file"]).write_bytes(b""), 15),
    ],
    ids=["no manifest", "no json", "size", "digest", "other backup", "other database", "file gone", "file empty"],
)
def test_nothing_is_written_from_an_export_that_is_not_whole(
    bare: Place, harm: Callable[[Path], object], code: int
) -> None:
    harm(only_export(bare))
    assert restore(bare) == code
    assert bare.dbname not in bare.databases()
    assert not bare.uploads.exists()


def test_a_byte_that_was_changed_with_its_digest_is_found_by_the_keys(bare: Place) -> None:
    export = only_export(bare)
    path = export / manifest(export)["storage"]["backup_file"]
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    change(export, "storage", sha256=hashlib.sha256(body).hexdigest())
    assert restore(bare, "--storage-only") == 15
    assert not list(bare.uploads.rglob("picture"))


def test_a_filled_target_needs_its_name_and_is_else_left_as_it_is(bare: Place, capfd: Any) -> None:
    bare.server.create_database(bare.dbname)
    with bare.server.connect(bare.dbname) as connection:
        connection.execute("CREATE TABLE letters (id int)")
    assert restore(bare, "--database-only") == 13
    assert f"--confirm {bare.dbname}" in capfd.readouterr().err
    assert restore(bare, "--database-only", "--confirm", "other") == 13
    assert bare.rows(bare.dbname) == 0
    assert restore(bare, "--database-only", "--confirm", bare.dbname) == 0
    assert bare.rows(bare.dbname) == ROWS


def test_every_filled_target_needs_its_name_before_the_first_is_written(bare: Place) -> None:
    bare.uploads.mkdir()
    (bare.uploads / "mine").write_text("mine")
    assert restore(bare) == 13
    assert bare.dbname not in bare.databases()
    assert restore(bare, "--confirm", str(bare.uploads)) == 0
    assert (bare.uploads / "letter.txt").read_text() == CANARY


def test_a_restore_asks_before_it_writes(bare: Place) -> None:
    export = str(only_export(bare))
    words = ("export", "restore", export, "--storage-only")
    assert bare.call(*words) == 13
    assert answered(bare, words, "n") == 130
    assert not bare.uploads.exists()
    assert answered(bare, words, "y") == 0
    assert answered(bare, words, "y") == 13
    assert answered(bare, words, str(bare.uploads)) == 0


def answered(place: Place, words: tuple[str, ...], answer: str) -> int:
    """Call the command on a terminal, type an answer and return the exit code."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "strongroom", *words, "--config", str(place.config)]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        code = process.wait()
    os.close(ours)
    return code


def test_a_server_that_does_not_answer_is_said_and_nothing_is_exported(bare: Place, capfd: Any) -> None:
    port = f"port = {bare.server.port}"
    assert bare.call("init", "--upgrade", "--quiet") == 0
    bare.config.write_text(bare.config.read_text().replace(port, "port = 9").replace("[jobs]", ""))
    with bare.config.open("a") as file:
        file.write("\n[jobs]\nmax_errors = 1\nretry_seconds = 1\n")
    capfd.readouterr()
    output = bare.directory / "new"
    assert bare.call("export", "make", "--database-only", "--output", str(output)) == 14
    assert "9" in capfd.readouterr().err
    assert list(output.iterdir()) == []


def test_a_directory_that_may_not_be_written_is_said_before_anything_is_read(bare: Place) -> None:
    closed = bare.directory / "closed"
    closed.mkdir(mode=0o500)
    command = [*WITHOUT_POWER, sys.executable, "-m", "strongroom", "export", "make", "--config", str(bare.config)]
    done = subprocess.run([*command, "--output", str(closed / "x")], capture_output=True, text=True, check=False)
    assert done.returncode == 13
    assert "exports.place" in done.stderr
    assert "Permission denied" in done.stderr


def test_a_full_disk_is_said_before_a_backup_is_made(
    place: Place, bare: Place, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    few = shutil._ntuple_diskusage(1 << 20, 1 << 20, 0)  # type: ignore[attr-defined]  # has no public name
    monkeypatch.setattr("strongroom.exports.room.shutil.disk_usage", lambda _: few)
    capfd.readouterr()
    assert place.call("export", "make", "--output", str(bare.directory / "new")) == 1
    said = capfd.readouterr()
    assert "exports.no_room" in said.err
    assert "0 MiB free" in said.err
    assert said.out == ""


def test_old_exports_go_after_a_new_one_is_whole(place: Place, exported: Path, tmp_path: Path) -> None:
    old = tmp_path / "backup_20200101_000000"
    shutil.copytree(exported, old)
    words = ("export", "make", "--latest", "--output", str(tmp_path), "--json")
    assert place.call(*words, "--keep", "2") == 0
    assert old.exists()
    assert place.call(*words, "--retention-days", "7") == 0
    assert not old.exists()
    assert len(list(tmp_path.iterdir())) == 2


def test_several_sources_of_a_kind_have_to_be_named(place: Place, tmp_path: Path, capfd: Any) -> None:
    config = tmp_path / "several.toml"
    more = '\n[sources.more]\nkind = "files"\npath = "more"\n'
    config.write_text(place.config.read_text() + more)
    assert main(("export", "make", "--output", str(tmp_path / "x"), "--config", str(config))) == 2
    assert "--storage" in capfd.readouterr().err


def test_a_restore_is_written_down_where_there_is_a_catalog(
    place: Place, exported: Path, tmp_path: Path, capfd: Any
) -> None:
    target = str(tmp_path / "elsewhere")
    words = ("export", "restore", str(exported), "--storage-only", "--no-confirm", "--storage-target", target)
    assert place.call(*words) == 0
    capfd.readouterr()
    assert place.call("audit", "tail", "--json") == 0
    assert target in capfd.readouterr().out


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "words",
    [
        ["--backup-dir", "d", "--no-confirm"],
        ["--no-confirm", "--backup-dir=d"],
        ["--no-confirm", "--backup-dir", "d"],
    ],
)
def test_the_script_takes_the_directory_as_an_option(words: list[str]) -> None:
    assert script("restore").words(words) == ["--no-confirm", "--", "d"]


def test_the_scripts_do_what_the_commands_do(place: Place, bare: Place) -> None:
    environment = {**os.environ, "STRONGROOM_CONFIG": str(place.config)}
    made = run_script(
        "backup", environment, "--output", str(bare.directory / "daily"), "--retention-days", "7", "--json"
    )
    assert made.returncode == 0, made.stderr
    directory = events(made.stdout)[-1]["directory"]
    environment["STRONGROOM_CONFIG"] = str(bare.config)
    words = ("--backup-dir", directory, "--database-only", "--no-confirm", "--database-target", bare.dbname)
    done = run_script("restore", environment, *words)
    assert done.returncode == 0, done.stderr
    assert bare.rows(bare.dbname) == ROWS
    again = run_script("restore", environment, *words)
    assert again.returncode == 13
    with psycopg.connect(bare.server.url(bare.dbname)) as connection:
        assert connection.execute("SELECT 1 FROM letters LIMIT 1").fetchone()


def run_script(name: str, environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(SCRIPTS / f"{name}.py"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
