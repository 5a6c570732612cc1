"""strongroom.toml and the environment become settings, or a list of all mistakes."""

from pathlib import Path

import pytest

from strongroom.settings import ConfigError, ConfigNotFoundError, Settings, load_settings
from strongroom.settings.environment import find_config

GOOD = """\
data_dir = "data"

[keyring]
path = "/keys/strongroom.keys"

[regions.us-east-1]
path = "regions/us"

[regions.eu-west-1]
home = true
kind = "s3"
bucket = "backups"
access_key_env = "S3_ACCESS"
secret_key_env = "S3_SECRET"
kek = { provider = "aws-kms", key = "alias/strongroom" }

[sources.uploads]
kind = "files"
path = "uploads"
exclude = ["*.tmp"]

[sources.shop]
kind = "postgres"
dbname = "shop"
user = "backup"
password_env = "SHOP_PASSWORD"
policy = "short"

[policies.short]
retention_days = 7
regions = ["eu-west-1"]

[policies.operational-data]
retention_days = 100
"""
ENV = {"S3_ACCESS": "AKIA", "S3_SECRET": "very secret", "SHOP_PASSWORD": "hunter2"}
REGION = '[regions.a]\npath = "a"\n'


def load(tmp_path: Path, text: str, env: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "strongroom.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, ENV if env is None else env)


def mistakes(tmp_path: Path, text: str, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, env)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_the_home_region_comes_first_wherever_it_stands(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert [region.name for region in settings.regions] == ["eu-west-1", "us-east-1"]
    assert settings.home.bucket == "backups"


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert settings.data_dir == tmp_path / "data"
    assert settings.regions[1].path == tmp_path / "regions/us"
    assert settings.keyring.path == Path("/keys/strongroom.keys")


def test_the_default_key_file_lies_beside_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, REGION).keyring.path == tmp_path / "strongroom.keys"


def test_secrets_come_from_the_variables_the_file_names(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    source = settings.sources["shop"]
    assert source.kind == "postgres"
    assert source.password is not None
    assert source.password.get_secret_value() == "hunter2"
    assert settings.home.secret_key is not None
    assert settings.home.secret_key.get_secret_value() == "very secret"


def test_no_secret_shows_in_the_settings_as_text(tmp_path: Path) -> None:
    text = repr(load(tmp_path, GOOD, ENV | {"STRONGROOM_CATALOG_URL": "postgresql://u:pass-word@h/db"}))
    assert not any(secret in text for secret in ("hunter2", "very secret", "AKIA", "pass-word"))


def test_a_policy_of_the_file_changes_only_what_it_names_of_a_built_in_one(tmp_path: Path) -> None:
    policy = load(tmp_path, GOOD).policies["operational-data"]
    assert (policy.retention_days, policy.compliance) == (100, ("GDPR",))


def test_every_kind_of_source_has_its_default_policy(tmp_path: Path) -> None:
    text = GOOD.replace('policy = "short"\n', "")
    sources = load(tmp_path, text).sources
    assert {name: source.policy for name, source in sources.items()} == {
        "uploads": "operational-data",
        "shop": "critical-data",
    }


def test_a_policy_asks_for_its_regions_home_first(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert settings.regions_of("short") == ("eu-west-1",)
    assert settings.regions_of("operational-data") == ("eu-west-1", "us-east-1")


def test_the_only_region_is_the_home_region(tmp_path: Path) -> None:
    assert load(tmp_path, REGION).home.home is True


def test_a_local_key_is_named_after_its_region_unless_said_otherwise(tmp_path: Path) -> None:
    assert load(tmp_path, REGION).home.kek.key == "a"
    assert load(tmp_path, REGION + 'kek = { key = "other" }\n').home.kek.key == "other"


def test_the_embedded_catalog_lies_in_the_data_directory(tmp_path: Path) -> None:
    settings = load(tmp_path, REGION)
    assert settings.catalog_url.get_secret_value() == f"sqlite:///{tmp_path}/data/catalog.db"


def test_addresses_and_tokens_come_from_the_environment(tmp_path: Path) -> None:
    env = {
        "STRONGROOM_CATALOG_URL": "postgresql://db/strongroom",
        "STRONGROOM_BROKER_URL": "redis://localhost:1",
        "STRONGROOM_FLOWER_PASSWORD": "p" * 8,
    }
    settings = load(tmp_path, REGION, env)
    assert settings.catalog_url.get_secret_value() == "postgresql://db/strongroom"
    assert settings.broker.address == "redis://localhost:1"
    assert settings.require_flower_password().get_secret_value() == "p" * 8


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("dta_dir = 'x'\n" + REGION, "line 1: dta_dir: This key is not known. Did you mean `data_dir`?"),
        (REGION + "[api]\nprt = 1\n", "line 4: api.prt: This key is not known. Did you mean `port`?"),
        (
            REGION + "[api]\nport = 70000\n",
            "line 4: api.port: This should be at most 65535. Write for example `port = 8440`.",
        ),
        (
            REGION + '[api]\nport = "1"\n',
            "line 4: api.port: This should be a whole number, without quotes. Write for example `port = 8440`.",
        ),
        (
            REGION + "[repository]\nverify_packs = 1\n",
            "line 4: repository.verify_packs: This should be true or false, without quotes. Write for example ",
        ),
        (
            REGION + "[flower]\npassword = 'x'\n",
            "line 4: flower.password: Secrets do not belong in the file. Set STRONGROOM_FLOWER_PASSWORD instead.",
        ),
        (REGION + "[jobs]\nlease_seconds = 0\n", "line 4: jobs.lease_seconds: This should be at least 2. "),
        ("api = 3\n" + REGION, "line 1: api: This should be a table. Write `[api]`."),
        ("regions = []\n", "line 1: regions: This should be a table. Write `[regions.NAME]`."),
        ("data_dir = 'x'\n", 'line 1: regions: There is no region. Add one: `[regions.NAME]` with `path = "..."`.'),
        (
            REGION + '[regions.b]\npath = "b"\n',
            "line 1: regions: None of the regions is the home region. Write `home = true` in one of them.",
        ),
        (
            REGION + 'home = true\n[regions.b]\npath = "b"\nhome = true\n',
            "line 6: regions.b.home: Region a is the home region already. Keep one of the two.",
        ),
        (
            REGION + 'home = true\n[regions.b]\npath = "./a"\n',
            "line 5: regions.b.path: This is the same place as region a, so that both copies would be one. ",
        ),
        ("[regions.a]\n", "line 1: regions.a: A region of kind `directory` needs `path`."),
        ("[regions.a]\nkind = 's3'\n", "line 1: regions.a: A region of kind `s3` needs `bucket`."),
        (REGION + "bucket = 'b'\n", "line 1: regions.a: A region of kind `directory` has no use for `bucket`."),
        (REGION + "kind = 'ftp'\n", "line 3: regions.a.kind: This should be 'directory' or 's3'. "),
        (REGION + "name = 'b'\n", "line 3: regions.a.name: The name stands in the header. Remove this; write "),
        (
            REGION + "kek = { provider = 'aws-kms' }\n",
            'line 3: regions.a.kek.key: This is missing. Write for example `key = "alias/strongroom"`.',
        ),
        ("[regions.Asia]\npath = 'x'\n", "line 1: regions.Asia: A name is made of lower-case letters, "),
        ("[regions.a]\npath = '~/x'\n", "line 2: regions.a.path: `~` is not expanded here. "),
        (
            "[regions.a]\nkind = 's3'\nbucket = 'b'\nendpoint = 's3.example.org'\n",
            "line 4: regions.a.endpoint: This is not an http:// or https:// address. ",
        ),
        (
            "[regions.a]\nkind = 's3'\nbucket = 'b'\naccess_key_env = 'S3_ACCESS'\n",
            "line 1: regions.a: `access_key_env` and `secret_key_env` belong together.",
        ),
        (
            "[regions.a]\nkind = 's3'\nbucket = 'b'\nstorage_class = 'DEEP_ARCHIVE'\n",
            "line 4: regions.a.storage_class: Objects in this class take hours to read, ",
        ),
        (
            "[regions.a]\nkind = 's3'\nbucket = 'b'\nobject_lock = 'compliance'\n",
            "line 1: regions.a: `object_lock` and `object_lock_days` belong together.",
        ),
        (
            "[regions.a]\nkind = 's3'\nbucket = 'b'\nsse_kms_key = 'alias/bucket'\n",
            'line 1: regions.a: `sse_kms_key` needs `sse = "aws:kms"`.',
        ),
        (
            REGION + "upload_mib_per_second = 0\n",
            "line 3: regions.a.upload_mib_per_second: This should be at least 0.01. ",
        ),
        (
            REGION + "[sources.x]\nkind = 'files'\npath = 'x'\nschedule = { full = '0 1 * *' }\n",
            "line 6: sources.x.schedule.full: This is not a cron expression of five fields: wrong number of fields. ",
        ),
        (
            REGION + "[sources.x]\nkind = 'files'\npath = 'x'\nschedule = { time_zone = 'Europe/Atlantis' }\n",
            "line 6: sources.x.schedule.time_zone: There is no such time zone. ",
        ),
        (
            REGION + "[sources.x]\nkind = 'file'\n",
            'line 4: sources.x.kind: This is not a kind of source. Write `kind = "files"` or `kind = "logs"` or ',
        ),
        (REGION + "[sources.x]\n", "line 3: sources.x.kind: The kind of source is missing. "),
        (
            REGION + "[sources.x]\nkind = 'files'\npath = 3\n",
            'line 5: sources.x.path: This should be text in quotes. Write for example `path = "/srv/uploads"`.',
        ),
        (
            REGION + "[sources.x]\nkind = 'files'\npath = 'p'\nexclude = 'x'\n",
            "line 6: sources.x.exclude: This should be a list in [brackets]. ",
        ),
        (
            REGION + "[sources.x]\nkind = 'files'\npath = 'p'\npolicy = 'critical'\n",
            "line 6: sources.x.policy: There is no policy critical. Did you mean `critical-data`?",
        ),
        (
            REGION + "[policies.p]\nretention_days = 1\nregions = ['a', 'b']\n",
            "line 5: policies.p.regions.1: There is no region b. Regions: a.",
        ),
        (
            REGION + "home = true\n[regions.b]\npath = 'b'\n[policies.p]\nretention_days = 1\nregions = ['b']\n",
            "line 8: policies.p.regions: Backups are written to the home region first. Add a to the list.",
        ),
        (
            REGION + "[sources.x]\nkind = 'postgres'\ndbname = 'd'\nuser = 'u'\npassword_env = 'NOPE'\n",
            "line 7: sources.x.password_env: The environment variable NOPE is not set. ",
        ),
        (
            REGION + "[sources.x]\nkind = 'postgres'\ndbname = 'd'\nuser = 'u'\npassword = 'p'\n",
            'line 7: sources.x.password: Secrets do not belong in the file. Write `password_env = "VARIABLE"` instead.',
        ),
        ("[api\n", "line 1: syntax: This is not TOML: "),
        ("a = 1\nb = \n", "line 2: syntax: This is not TOML: "),
        ('a = 1\nb = "x\n', "line 2: syntax: This is not TOML: "),
        ('a = """\n\nx', "line 3: syntax: This is not TOML: "),
        ("a = 1\na = 2\n", "line 2: syntax: This is not TOML: "),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_what_to_write(tmp_path: Path, text: str, mistake: str) -> None:
    found = mistakes(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(mistake)


@pytest.mark.parametrize(
    ("env", "mistake"),
    [
        ({"STRONGROOM_CATALOG_URL": "mysql://u:hunter2@h/d"}, "STRONGROOM_CATALOG_URL: This address begins with"),
        ({"STRONGROOM_BROKER_URL": "http://h"}, "STRONGROOM_BROKER_URL: This address begins with an unknown scheme."),
        ({"STRONGROOM_FLOWER_PASSWORD": "hunter2"}, "STRONGROOM_FLOWER_PASSWORD: This has fewer than 8 characters."),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable_and_not_its_value(
    tmp_path: Path, env: dict[str, str], mistake: str
) -> None:
    found = mistakes(tmp_path, REGION, env)
    assert len(found) == 1
    assert found[0].startswith(mistake)
    assert "hunter2" not in found[0]


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = 'dat_dir = "x"\n[sources.shop]\nkind = "postgres"\nport = 0\n[regions.a]\nkind = "s3"\n'
    found = mistakes(tmp_path, text, {"STRONGROOM_FLOWER_PASSWORD": "short"})
    assert [line.split(": ")[1] if line.startswith("line") else line.split(": ")[0] for line in found] == [
        "dat_dir",
        "sources.shop.user",
        "sources.shop.port",
        "regions.a",
        "STRONGROOM_FLOWER_PASSWORD",
    ]


def test_a_line_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "strongroom.toml"
    path.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    assert caught.value.mistakes[0].line == 2


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read_is_an_error_of_its_own(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigNotFoundError):
        load_settings(tmp_path / name, {})


def test_the_named_file_wins_over_the_variable_and_the_variable_over_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("strongroom.toml", "named.toml", "variable.toml"):
        (tmp_path / name).write_text(REGION)
    monkeypatch.chdir(tmp_path)
    env = {"STRONGROOM_CONFIG": str(tmp_path / "variable.toml")}
    assert find_config(tmp_path / "named.toml", env).name == "named.toml"
    assert find_config(None, env).name == "variable.toml"
    assert find_config(None, {}) == tmp_path / "strongroom.toml"


def test_without_a_file_the_error_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigNotFoundError, match="strongroom init"):
        find_config(None, {})
