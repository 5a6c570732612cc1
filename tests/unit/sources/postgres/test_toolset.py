"""The programs that fit the server are found, and their absence is explained."""

import pytest

from strongroom.sources.errors import PgDumpNotFoundError, PgDumpTooOldError
from strongroom.sources.postgres import toolset
from strongroom.sources.postgres.toolset import choose_toolset, installed_toolsets


def install(folder, says, *, name="pg_dump", mode=0o755):
    """Put a program into a folder that answers --version like PostgreSQL's."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(mode)
    return folder


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that has only what a test installs below its folder, as Debian does, or on its PATH."""
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(toolset, "DISTRIBUTION_DIRS", (tmp_path / "postgresql",))
    monkeypatch.setattr(toolset, "BUNDLED_PACKAGE", "strongroom_no_such_package")
    return tmp_path


def test_the_lowest_version_that_is_new_enough_is_chosen(machine):
    for version in ("14.2", "16.9 (Debian 16.9-1)", "18beta1"):
        install(machine / "postgresql" / version[:2] / "bin", f"pg_dump (PostgreSQL) {version}")

    chosen = choose_toolset("pg_dump", 15)

    assert (chosen.major, chosen.version) == (16, "16.9")
    assert chosen.program("pg_restore") == machine / "postgresql" / "16" / "bin" / "pg_restore"
    assert choose_toolset("pg_dump", 17).version == "18beta1"


def test_the_path_is_searched_too(machine):
    install(machine / "path", "pg_dump (PostgreSQL) 17.1")

    assert [found.major for found in installed_toolsets("pg_dump")] == [17]


def test_a_wrapper_that_chooses_by_itself_is_passed_over(machine):
    install(machine / "wrapper", "pg_dump (PostgreSQL) 17.1", name="pg_wrapper")
    (machine / "path" / "pg_dump").symlink_to(machine / "wrapper" / "pg_wrapper")

    assert installed_toolsets("pg_dump") == []


def test_a_folder_in_the_settings_is_the_only_one_looked_at(machine):
    install(machine / "path", "pg_dump (PostgreSQL) 17.1")
    chosen = install(machine / "own", "pg_dump (PostgreSQL) 15.3")

    assert [found.major for found in installed_toolsets("pg_dump", chosen)] == [15]


@pytest.mark.parametrize("broken", [{"says": "something else"}, {"says": "pg_dump (PostgreSQL) 17.1", "mode": 0o644}])
def test_a_program_that_does_not_work_is_not_installed(machine, broken):
    install(machine / "path", **broken)

    with pytest.raises(PgDumpNotFoundError, match="pg_dump is not installed"):
        choose_toolset("pg_dump", 15)


def test_a_wrong_folder_in_the_settings_is_named(machine):
    with pytest.raises(PgDumpNotFoundError, match=f"no working pg_dump in {machine}/absent") as error:
        choose_toolset("pg_dump", 15, machine / "absent")

    assert "bin_dir" in error.value.next_step


def test_programs_older_than_the_server_are_refused_with_both_versions(machine):
    install(machine / "postgresql" / "15" / "bin", "pg_dump (PostgreSQL) 15.18")
    install(machine / "postgresql" / "16" / "bin", "pg_dump (PostgreSQL) 16.14")

    with pytest.raises(PgDumpTooOldError, match=r"pg_dump 15\.18, 16\.14 is too old: version 18") as error:
        choose_toolset("pg_dump", 18)

    assert "PostgreSQL 18 client programs" in error.value.next_step
