"""What is said about a broker that cannot be reached as configured."""

from pathlib import Path

import pytest

from strongroom.settings import ConfigError, load_settings

REGION = '[regions.a]\npath = "a"\n'
SENTINELS = "sentinel://:pw@one:26379;sentinel://:pw@two:26379"


def load(tmp_path: Path, broker: str, url: str):
    path = tmp_path / "strongroom.toml"
    path.write_text(f"{REGION}[broker]\n{broker}\n")
    return load_settings(path, {"OTHER": url, "THEIRS": "sentinel-password"}).broker


def test_the_address_comes_from_the_variable_the_file_names(tmp_path):
    assert load(tmp_path, 'url_env = "OTHER"', "amqps://u:p@h//").is_encrypted


def test_the_variable_of_the_process_goes_first(tmp_path):
    path = tmp_path / "strongroom.toml"
    path.write_text(f'{REGION}[broker]\nurl_env = "OTHER"\n')
    env = {"OTHER": "redis://file", "STRONGROOM_BROKER_URL": "redis://process"}

    assert load_settings(path, env).broker.address == "redis://process"


def test_sentinels_are_named_together_with_what_they_watch(tmp_path):
    text = 'url_env = "OTHER"\nmaster = "m"\ntls = true\nsentinel_password_env = "THEIRS"'
    broker = load(tmp_path, text, SENTINELS)

    assert (broker.is_sentinel, broker.is_encrypted, broker.master) == (True, True, "m")


@pytest.mark.parametrize(
    ("text", "url", "mistake"),
    [
        ("", SENTINELS, "broker.master: The sentinels watch a master by its name."),
        ('master = "m"', "redis://h", "broker.master: This is for Redis Sentinel."),
        ('ca_file = "nowhere.pem"', "rediss://h", "broker.ca_file: There is no file"),
        ('ca_file = "strongroom.toml"', "redis://h", "broker.ca_file: The way to this broker is not encrypted."),
        ('cert_file = "strongroom.toml"', "rediss://h", "broker.key_file: A certificate and its key belong together."),
        ("", "rediss://h?ssl_cert_reqs=none", "OTHER: The address says how certificates are checked."),
        ("", "redis://h;amqp://h", "OTHER: These addresses are of different kinds."),
        ("", "http://h", "OTHER: This address begins with an unknown scheme."),
        ('url = "redis://h"', "redis://h", "broker.url: Secrets do not belong in the file."),
    ],
)
def test_a_mistake_is_named(tmp_path, text, url, mistake):
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, f'url_env = "OTHER"\n{text}', url)
    assert mistake in str(refused.value)
    assert ":pw@" not in str(refused.value)
