"""`strongroom config` reports every mistake and shows no secret."""

import json
import os
import tomllib
from pathlib import Path

import pytest

from strongroom.cli.config import mask_password
from strongroom.cli.main import main
from strongroom.cli.template import REGIONS, TEMPLATE
from strongroom.settings import load_settings
from tests.unit.sources.unprivileged import open_to_nobody, unprivileged

CONFIG = """\
[regions.a]
path = "a"

[sources.shop]
kind = "postgres"
dbname = "shop"
user = "backup"
password_env = "SHOP_PASSWORD"

[sources.uploads]
kind = "files"
path = "uploads"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "strongroom.toml"
    path.write_text(CONFIG)
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    monkeypatch.setenv("STRONGROOM_CATALOG_URL", "postgresql://strongroom:hunter2@db/strongroom")
    monkeypatch.chdir(tmp_path)
    return path


def test_a_configuration_in_order_is_confirmed(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check"]) == 0
    assert capsys.readouterr().out == f"{config} is in order: 1 region (home is a), 2 sources, 0 channels of alerts.\n"


def test_mistakes_end_in_2_and_are_listed_with_their_lines(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(CONFIG + "pth = 1\n[sources.x]\n")
    assert main(["config", "check"]) == 2
    message = capsys.readouterr().err
    assert "strongroom.toml has 2 mistakes:\n" in message
    assert "  line 13: sources.uploads.pth: " in message
    assert "  line 14: sources.x.kind: " in message


def test_mistakes_are_a_document_with_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(CONFIG + "pth = 1\n")
    assert main(["config", "check", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["mistakes"] == [
        {
            "line": 13,
            "place": "sources.uploads.pth",
            "what": "This key is not known.",
            "instead": "Did you mean `path`?",
        }
    ]


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_is_in_force_is_shown_without_secrets(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", *options]) == 0
    output = capsys.readouterr().out
    document = json.loads(output) if options else tomllib.loads(output)
    assert "hunter2" not in output
    assert document["catalog_url"] == "postgresql://strongroom:**********@db/strongroom"
    assert document["sources"]["shop"]["password"] == "**********"
    assert document["policies"]["critical-data"]["retention_days"] == 365
    assert document["regions"]["a"]["kek"] == {"provider": "local", "key": "a"}


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("sqlite:////var/lib/catalog.db", "sqlite:////var/lib/catalog.db"),
        ("redis://:secret@localhost:6379/0", "redis://:**********@localhost:6379/0"),
        ("amqp://user:p?ss:w/rd@host//", "amqp://user:**********@host//"),
        ("postgresql://host/db?password=secret", "postgresql://host/db"),
        ("redis+socket://:secret@/run/broker.sock", "redis+socket://:**********@/run/broker.sock"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, masked: str) -> None:
    assert mask_password(address) == masked


@pytest.mark.usefixtures("config")
def test_sources_are_listed_with_their_regions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources", "list", "--json"]) == 0
    output = capsys.readouterr().out
    assert "hunter2" not in output
    listed = {source["name"]: source for source in json.loads(output)["items"]}
    assert listed["shop"]["policy"] == "critical-data"
    assert listed["uploads"]["regions"] == ["a"]


@pytest.mark.usefixtures("config")
def test_sources_are_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources", "list"]) == 0
    assert "shop on localhost:5432" in capsys.readouterr().out


def test_the_template_is_in_order_also_with_everything_uncommented(tmp_path: Path) -> None:
    path = tmp_path / "strongroom.toml"
    path.write_text(TEMPLATE)
    assert tuple(region.name for region in load_settings(path, {}).regions) == REGIONS
    examples = [line.removeprefix("# ") for line in TEMPLATE.splitlines()]
    toml = [line for line in examples if line.startswith("[") or " = " in line]
    path.write_text("\n".join(toml))
    env = dict.fromkeys(("BACKUP_S3_ACCESS_KEY", "BACKUP_S3_SECRET_KEY", "SHOP_DB_PASSWORD"), "secret")
    env["SHOP_DATABASE_URL"] = "postgresql://shop@localhost/shop"
    settings = load_settings(path, env)
    assert set(settings.sources) == {"uploads", "shop-logs", "shop"}
    assert (set(settings.channels), set(settings.pings)) == ({"ops-mail"}, {"watcher"})


def test_a_secret_that_a_channel_lacks_here_is_a_warning(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(CONFIG + '[channels.team]\nkind = "slack"\nurl_env = "TEAM_URL"\n')
    said = "Warning: channels.team.url_env: The environment variable TEAM_URL is not set here."

    assert main(["config", "check"]) == 0
    assert said in capsys.readouterr().err

    monkeypatch.setenv("TEAM_URL", "https://example.com")
    assert main(["config", "check"]) == 0
    assert said not in capsys.readouterr().err


def test_a_pattern_that_cannot_be_understood_is_a_mistake(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(CONFIG + 'exclude = ["*.tmp",\n  "!"]\n')
    assert main(["config", "check"]) == 2
    assert (
        "line 14: sources.uploads.exclude.1: This is not a pattern as in a .gitignore file." in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("path", "exclude", "warned"),
    [
        ("uploads", [], []),
        (".", [], ["the region a", "the key file"]),
        (".", ["/a/", "*.keys"], []),
        (".", ["/a/"], ["the key file"]),
        ("a/p", [], []),
        ("a", [], ["the region a"]),
    ],
)
def test_a_source_that_holds_its_own_regions_or_keys_is_warned_of(
    config: Path, capsys: pytest.CaptureFixture[str], path: str, exclude: list[str], warned: list[str]
) -> None:
    config.write_text(CONFIG.replace('path = "uploads"', f'path = "{path}"\nexclude = {json.dumps(exclude)}'))
    assert main(["config", "check", "--json"]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert [any(words in warning for warning in warnings) for words in warned] == [True] * len(warned)
    assert len(warnings) == len(warned)

    assert main(["config", "check"]) == 0
    assert capsys.readouterr().err.count("Warning: source uploads holds ") == len(warned)


def test_a_directory_that_may_not_be_entered_or_written_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if os.geteuid() == 0:
        # Modules that a command imports late may lie where nobody may not go.
        main(["init", "--help"])
    with open_to_nobody() as room:
        (room / "closed").mkdir(mode=0)
        monkeypatch.chdir(room)
        with unprivileged():
            assert main(["config", "check", "--config", "closed/strongroom.toml"]) == 10
            assert "cannot be looked for: Permission denied" in capsys.readouterr().err
            room.chmod(0o555)
            assert main(["init"]) == 13
            assert "strongroom.toml cannot be made: Permission denied" in capsys.readouterr().err
            room.chmod(0o755)


def test_a_directory_that_is_gone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(["init"]) == 13
    assert "strongroom.toml cannot be made: No such file or directory" in capsys.readouterr().err


def test_a_variable_that_nothing_reads_any_more_is_warned_of_without_its_value(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRONGROOM_API_TOKEN", "canary-of-old-times")
    assert main(["config", "check"]) == 0
    said = capsys.readouterr().err
    assert "STRONGROOM_API_TOKEN is set and ignored" in said
    assert "strongroom tokens create" in said
    assert "canary" not in said
