"""The tables of the key provider: what is taken, and every mistake with its line."""

from pathlib import Path

import pytest

from strongroom.settings import ConfigError, Settings, SkipNotConfiguredError, UnknownPeerError, load_settings

BASE = '[regions.eu]\npath = "eu"\n'
SKIP = '[skip]\nsystem_id = "KP-A"\n'


def load(tmp_path: Path, text: str, **env: str) -> Settings:
    path = tmp_path / "strongroom.toml"
    path.write_text(BASE + text, encoding="utf-8")
    return load_settings(path, env)


def mistakes(tmp_path: Path, text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    return [(mistake.line, mistake.place) for mistake in refused.value.mistakes]


def test_without_the_table_this_is_no_key_provider(tmp_path: Path) -> None:
    with pytest.raises(SkipNotConfiguredError):
        load(tmp_path, "").require_skip()


def test_what_is_written_is_taken_and_paths_start_at_the_file(tmp_path: Path) -> None:
    text = f"""{SKIP}nonces_url_env = "NONCES"
[skip.encryptor_face]
certificate = "skip/face.pem"
key = "skip/face.key"
client_ca = "skip/ca.pem"
psk_port = 8445
[skip.encryptors.fw-1]
psk_file = "skip/fw-1.psk"
remotes = ["KP-[BC]"]
[skip.peers.lisbon]
system_id = "KP-B"
url = "https://kp-b.example.org:8444/"
minimum_profile = "v1"
"""
    skip = load(tmp_path, text, NONCES="redis://nonces").require_skip()

    assert skip.nonces_url is not None
    assert skip.nonces_url.get_secret_value() == "redis://nonces"
    assert skip.encryptor_face.certificate == tmp_path / "skip/face.pem"
    assert skip.encryptors["fw-1"].known_as == "fw-1"
    assert skip.encryptors["fw-1"].psk.file == tmp_path / "skip/fw-1.psk"
    assert skip.get_peer("lisbon") is skip.get_peer("KP-B") is skip.find_system("KP-B")
    assert skip.peers["lisbon"].url == "https://kp-b.example.org:8444"
    with pytest.raises(UnknownPeerError, match="no peer 'porto'"):
        skip.get_peer("porto")


@pytest.mark.parametrize(
    ("text", "line", "place"),
    [
        ("[skip]", 3, "skip.system_id"),
        ('[skip]\nsystem_id = "KP*"', 4, "skip.system_id"),
        (f"{SKIP}encryptors = 1", 5, "skip.encryptors"),
        (f'{SKIP}[skip.encryptor_face]\ncertificate = "a.pem"', 5, "skip.encryptor_face.key"),
        (f'{SKIP}[skip.peer_face]\ncertificate = "a"\nkey = "b"', 5, "skip.peer_face.peer_ca"),
        (f'{SKIP}[skip.encryptor_face]\nhost = "0.0.0.0"\nplain_http = true', 7, "skip.encryptor_face.plain_http"),
        (
            f'{SKIP}[skip.encryptor_face]\nplain_http = true\ncertificate = "a"\nkey = "b"\nclient_ca = "c"',
            6,
            "skip.encryptor_face.plain_http",
        ),
        (f"{SKIP}[skip.encryptor_face]\npsk_port = 8443", 6, "skip.encryptor_face.psk_port"),
        (f'{SKIP}[skip.encryptors.a]\npsk_env = "A"', 5, "skip.encryptors.a"),
        (f'{SKIP}[skip.encryptors.a]\n[skip.encryptors.b]\nidentity = "a"', 7, "skip.encryptors.b.identity"),
        (f'{SKIP}[skip.encryptors.a]\npks_file = "a"', 6, "skip.encryptors.a.pks_file"),
        (f'{SKIP}[skip.peers.b]\nurl = "http://b"', 6, "skip.peers.b.url"),
        (f'{SKIP}[skip.peers.b]\nurl = "https://b"\nsystem_id = "KP-A"', 7, "skip.peers.b.system_id"),
        (
            f'{SKIP}[skip.peers.b]\nurl = "https://b"\n[skip.peers.c]\nurl = "https://c"\nsystem_id = "b"',
            9,
            "skip.peers.c.system_id",
        ),
        (f'{SKIP}[skip.peers.b]\nurl = "https://b"\nlow_water = 2000', 7, "skip.peers.b.low_water"),
        (f'{SKIP}[skip.peers.b]\nurl = "https://b"\nminimum_profile = "v0"', 7, "skip.peers.b.minimum_profile"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, place: str) -> None:
    found = mistakes(tmp_path, text)

    assert (line, place) in found
