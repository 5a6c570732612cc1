"""Settings of sources in AWS: what is said once, and which regions must say where snapshots are kept."""

from pathlib import Path

import pytest

from strongroom.settings import ConfigError, EbsSourceSettings, RdsSourceSettings, Settings, load_settings

REGIONS = """
[regions.eu]
home = true
path = "eu"
aws = { region = "eu-west-1", kms_key = "alias/eu" }
[regions.us]
path = "us"
aws = { region = "us-east-1", kms_key = "alias/us", access_key_env = "KEY", secret_key_env = "SECRET" }
"""


SECRETS = {"KEY": "AKIA", "SECRET": "s" * 20}


def load(tmp_path: Path, more: str, regions: str = REGIONS) -> Settings:
    path = tmp_path / "strongroom.toml"
    path.write_text(regions + more)
    return load_settings(path, SECRETS)


def mistakes(tmp_path: Path, more: str, regions: str = REGIONS) -> str:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, more, regions)
    return "\n".join(str(mistake) for mistake in raised.value.mistakes)


def test_volumes_and_databases_are_sources(tmp_path: Path) -> None:
    more = """
    [sources.disk]
    kind = "ebs"
    volume = "vol-0123456789abcdef"
    [sources.disks]
    kind = "ebs"
    region = "us"
    tag = "backup=yes"
    [sources.shop]
    kind = "rds"
    instance = "shop"
    """
    settings = load(tmp_path, more)
    disk, disks, shop = (settings.sources[name] for name in ("disk", "disks", "shop"))
    assert isinstance(disk, EbsSourceSettings)
    assert disk.place == "vol-0123456789abcdef"
    assert isinstance(disks, EbsSourceSettings)
    assert disks.place == "volumes tagged backup=yes"
    assert isinstance(shop, RdsSourceSettings)
    assert (shop.place, shop.policy, shop.snapshots) == ("instance shop", "critical-data", "manual")
    us = settings.get_region("us").aws
    assert us is not None
    assert us.secret_key is not None
    assert us.secret_key.get_secret_value() == "s" * 20


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[sources.d]\nkind = "ebs"', "Which volumes are meant is said once"),
        ('[sources.d]\nkind = "ebs"\nvolume = "vol-01234567"\ntag = "a=b"', "Which volumes are meant is said once"),
        ('[sources.d]\nkind = "ebs"\nvolume = "snap-1"', "sources.d.volume"),
        ('[sources.d]\nkind = "ebs"\ntag = "backup"', "sources.d.tag"),
        ('[sources.d]\nkind = "rds"', "Which database is meant is said once"),
        ('[sources.d]\nkind = "rds"\ninstance = "a b"', "sources.d.instance"),
        ('[sources.d]\nkind = "ebs"\ntag = "a=b"\nregion = "usa"', "Did you mean `us`?"),
    ],
)
def test_what_is_wrong_with_a_source_is_said_with_its_line(tmp_path: Path, more: str, words: str) -> None:
    assert words in mistakes(tmp_path, more)


def test_every_region_of_the_policy_says_where_snapshots_are_kept(tmp_path: Path) -> None:
    regions = '[regions.eu]\nhome = true\npath = "eu"\n[regions.us]\npath = "us"\naws = { kms_key = "alias/us" }\n'
    assert "Region eu of the policy does not say where" in mistakes(
        tmp_path, '[sources.d]\nkind = "ebs"\ntag = "a=b"\n', regions
    )


def test_a_source_lies_in_a_region_of_its_policy(tmp_path: Path) -> None:
    policy = '[policies.p]\nretention_days = 3\nregions = ["eu"]\n'
    more = policy + '[sources.d]\nkind = "ebs"\ntag = "a=b"\nregion = "us"\npolicy = "p"\n'
    assert "leaves this region out" in mistakes(tmp_path, more)


def test_half_a_key_is_refused(tmp_path: Path) -> None:
    regions = REGIONS.replace(', secret_key_env = "SECRET"', "")
    assert "belong together" in mistakes(tmp_path, "", regions)
