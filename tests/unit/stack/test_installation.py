"""Where an installation keeps its secrets, and what it tells its processes."""

import stat
from pathlib import Path

import pytest

from stack.installation import SECRETS, Installation, write_private
from stack.programs import Program, broker_config, supervisor_config


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    made = Installation(tmp_path / "site")
    made.make_directories()
    return made


def test_secrets_are_made_once_and_kept_to_the_owner(installation: Installation):
    first = installation.secrets()

    assert installation.secrets() == first
    assert first.keys() == set(SECRETS)
    assert stat.S_IMODE(installation.secrets_file.stat().st_mode) == 0o600
    assert min(len(secret) for secret in first.values()) >= 32


def test_two_installations_share_no_secret(installation: Installation, tmp_path: Path):
    other = Installation(tmp_path / "other")
    other.make_directories()

    assert not set(installation.secrets().values()) & set(other.secrets().values())


def test_directories_are_private(installation: Installation):
    for directory in (installation.directory, installation.run, installation.log, installation.sockets):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_directory_that_others_can_enter_is_not_trusted_with_sockets(installation: Installation):
    installation.sockets.chmod(0o755)

    with pytest.raises(PermissionError):
        installation.make_directories()


@pytest.mark.parametrize("length", [10, 200])
def test_socket_addresses_stay_short_however_long_the_path_is(tmp_path: Path, length: int):
    installation = Installation(tmp_path / ("d" * length))

    assert len(str(installation.supervisor_socket)) < 107
    assert Installation(installation.directory).sockets == installation.sockets


def test_what_belongs_to_another_installation_does_not_reach_the_processes(installation: Installation):
    environment = installation.environment({"STRONGROOM_BROKER_URL": "redis://elsewhere", "SHOP_PASSWORD": "x"})

    assert environment["STRONGROOM_BROKER_URL"] == f"redis+socket://{installation.broker_socket}"
    assert environment["STRONGROOM_CONFIG"] == str(installation.config)
    assert environment["SHOP_PASSWORD"] == "x"


def test_no_generated_file_holds_a_secret(installation: Installation):
    secrets = installation.secrets().values()
    program = Program("api", ("python", "-m", "api"), priority=1)
    written = broker_config(installation) + supervisor_config(installation, [program])

    assert [secret for secret in secrets if secret in written] == []


def test_paths_and_arguments_are_quoted_for_supervisor(tmp_path: Path):
    installation = Installation(tmp_path / "50% of it")
    program = Program("api", ("/a path/python", "--share=100%"), priority=1)

    written = supervisor_config(installation, [program])

    assert "50%% of it" in written
    assert "command='/a path/python' --share=100%%\n" in written


def test_a_private_file_is_replaced_whole(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("old, and readable by everybody")

    write_private(path, "new")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
