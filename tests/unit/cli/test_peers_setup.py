"""`strongroom peers setup` makes folders that sites can join with, and nothing that others may read."""

import json
import stat
from pathlib import Path

import pytest
from cryptography import x509

from strongroom.cli.main import main
from strongroom.settings import load_settings

PAIR = ("--site", "lisbon=kp-a.example.org", "--site", "porto=kp-b.example.org")
BASE = '[regions.eu]\npath = "eu"\n\n'


def setup(directory: Path, *options: str) -> int:
    return main(["peers", "setup", str(directory), *options])


def settings_of(home: Path):
    config = home / "strongroom.toml"
    config.write_text(BASE + (home / "skip.toml").read_text())
    return load_settings(config, {}).require_skip()


def test_a_pair_knows_each_other_by_ids_that_say_nothing(tmp_path: Path) -> None:
    assert setup(tmp_path / "sites", *PAIR, "--encryptor", "lisbon=fw-1") == 0

    lisbon, porto = (settings_of(tmp_path / "sites" / name) for name in ("lisbon", "porto"))
    assert lisbon.system_id.startswith("KP-")
    assert lisbon.system_id != porto.system_id
    assert lisbon.get_peer("porto").known_as == porto.system_id
    assert porto.get_peer("lisbon").url == "https://kp-a.example.org:8444"
    assert lisbon.peer_face.host == "0.0.0.0"
    assert set(lisbon.encryptors) == {"fw-1"}
    assert not porto.encryptors


def test_each_pair_of_a_mesh_has_a_secret_of_its_own(tmp_path: Path) -> None:
    options = [part for name in ("a", "b", "c") for part in ("--site", f"{name}={name}.example.org")]
    assert setup(tmp_path / "sites", "--topology", "mesh", "--plain-ids", *options) == 0

    found = [json.loads(path.read_text()) for path in sorted((tmp_path / "sites").glob("*/psks/*.json"))]
    assert len(found) == 6
    assert len({psk["secret"] for psk in found}) == 3
    assert all(len(bytes.fromhex(psk["secret"])) == 32 for psk in found)
    assert {tuple(psk["pair"]) for psk in found} == {("a", "b"), ("a", "c"), ("b", "c")}


def test_nobody_else_may_read_what_was_made(tmp_path: Path) -> None:
    setup(tmp_path / "sites", *PAIR, "--psk-encryptor", "porto=fw-2")

    made = [path for path in (tmp_path / "sites").rglob("*") if path.is_file()]
    assert len(made) > 15
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}


def test_the_two_authorities_sign_for_one_face_each(tmp_path: Path) -> None:
    setup(tmp_path / "sites", *PAIR, "--encryptor", "lisbon=fw-1", "--plain-ids")
    places = {
        "peer": "lisbon/skip/peer.pem",
        "face": "lisbon/skip/encryptor-face.pem",
        "fw": "lisbon/encryptors/fw-1.pem",
    }
    found = {name: x509.load_pem_x509_certificate((tmp_path / "sites" / p).read_bytes()) for name, p in places.items()}

    names = found["peer"].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["skip-kp:lisbon"]
    assert "kp-a.example.org" in names.get_values_for_type(x509.DNSName)
    assert found["peer"].issuer != found["face"].issuer == found["fw"].issuer


def test_sites_on_one_host_get_ports_of_their_own_and_keys_live_shortly_in_development(tmp_path: Path) -> None:
    setup(tmp_path / "sites", "--site", "a=127.0.0.1", "--site", "b=127.0.0.1", "--environment", "development")

    first, second = (settings_of(tmp_path / "sites" / name) for name in ("a", "b"))
    assert (first.encryptor_face.port, second.encryptor_face.port) == (8443, 8453)
    assert first.encryptor_face.host == "127.0.0.1"
    assert first.key_ttl_seconds == 300


def test_a_peer_behind_an_unstable_link_has_longer_to_answer(tmp_path: Path) -> None:
    setup(tmp_path / "sites", *PAIR, "--environment", "unstable-link")

    assert settings_of(tmp_path / "sites/porto").heartbeat_seconds == 30


def test_what_is_not_given_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["pair", "development", "a", "127.0.0.1", "b", "127.0.0.2", "fw-1, fw-2", "", "", "old-1"])
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: next(answers))

    assert setup(tmp_path / "sites", "--interactive") == 0
    assert set(settings_of(tmp_path / "sites/a").encryptors) == {"fw-1", "fw-2"}
    assert settings_of(tmp_path / "sites/b").encryptors["old-1"].psk.given


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (PAIR[:2], "A pair has two sites"),
        ((*PAIR, "--site", "faro=c"), "A pair has two sites"),
        (("--site", "a=x", "--site", "a=y"), "the same name"),
        (("--site", "A B=x", "--site", "b=y"), "is no name of a site"),
        ((*PAIR, "--encryptor", "lisbon=x", "--psk-encryptor", "lisbon=x"), "named twice"),
        ((*PAIR, "--encryptor", "faro=x"), "no --site faro"),
        (("--site", "lisbon"), "not written as NAME=VALUE"),
        (("--site", "a=https://kp-a", "--site", "b=y"), "is no host of a"),
        (("--site", "a=x", "--site", "b=y z"), "is no host of b"),
        (("--site", "authorities=x", "--site", "b=y"), "No site can be named"),
        ((*PAIR, "--first-port", "65535"), "port 65537"),
        ((*PAIR, "--encryptor", "lisbon=x", "--encryptor", "lisbon=x"), "named twice"),
        ((*PAIR, "--encryptor", "lisbon=x", "--encryptor", "porto=x"), "let in as the other"),
        ((*PAIR, "--encryptor", "lisbon=encryptor-ca"), "is no name of a site or an encryptor"),
        ((*PAIR, "--renew", "lisbon"), "--renew takes --from"),
    ],
)
def test_sites_that_do_not_fit_together_are_refused(tmp_path: Path, capsys, options, says) -> None:
    assert setup(tmp_path / "sites", *options) == 2

    assert says in capsys.readouterr().err
    assert not (tmp_path / "sites").exists()


def test_nothing_is_written_into_a_folder_with_something_in_it(tmp_path: Path, capsys) -> None:
    (tmp_path / "kept").touch()

    assert setup(tmp_path, *PAIR) != 0
    assert "is not empty" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "kept"]


def test_a_site_with_an_address_of_ipv6_listens_there_and_is_reached_there(tmp_path: Path, capsys) -> None:
    assert setup(tmp_path / "sites", "--site", "a=2001:db8::7", "--site", "b=127.0.0.2") == 0

    first, second = (settings_of(tmp_path / "sites" / name) for name in ("a", "b"))
    assert (first.peer_face.host, second.peer_face.host) == ("::", "127.0.0.2")
    assert second.get_peer("a").url == "https://[2001:db8::7]:8444"
    assert "https://[2001:db8::7]:8443" in capsys.readouterr().out


def test_a_later_site_and_encryptor_get_what_is_new_from_the_same_authorities(tmp_path: Path) -> None:
    sites, more = tmp_path / "sites", tmp_path / "more"
    setup(sites, *PAIR, "--encryptor", "lisbon=fw-1")
    before = {path: path.read_bytes() for path in sites.rglob("*") if path.is_file() and path.name != "sites.json"}

    given = ("--site", "faro=kp-a.example.org", "--encryptor", "lisbon=fw-9", "--encryptor", "faro=fw-3")
    assert setup(more, "--from", str(sites), *given) == 0

    assert {path: path.read_bytes() for path in before} == before
    faro = settings_of(more / "faro")
    assert (set(faro.peers), set(faro.encryptors)) == ({"lisbon", "porto"}, {"fw-3"})
    assert faro.peer_face.port == 8454
    for name in ("lisbon", "porto"):
        there, here = (
            json.loads((more / path).read_text()) for path in (f"{name}/psks/faro.json", f"faro/psks/{name}.json")
        )
        assert there == here
        config = sites / name / "strongroom.toml"
        config.write_text(BASE + (sites / name / "skip.toml").read_text() + (more / name / "skip.toml").read_text())
        assert load_settings(config, {}).require_skip().get_peer("faro").known_as == faro.system_id
    shown = x509.load_pem_x509_certificate((more / "lisbon/encryptors/fw-9.pem").read_bytes())
    shown.verify_directly_issued_by(
        x509.load_pem_x509_certificate((sites / "authorities/encryptor-ca.pem").read_bytes())
    )
    assert not (more / "porto/encryptors").exists()
    assert setup(tmp_path / "again", "--from", str(sites), "--site", "faro=x") == 2
    assert not (tmp_path / "again").exists()


def test_nothing_is_made_later_without_the_authorities_keys(tmp_path: Path, capsys) -> None:
    setup(tmp_path / "sites", *PAIR)
    (tmp_path / "sites/authorities/peer-ca.key").unlink()

    assert setup(tmp_path / "more", "--from", str(tmp_path / "sites"), "--renew", "porto") == 2
    assert "peer-ca.pem and .key cannot be used" in capsys.readouterr().err
    assert not (tmp_path / "more").exists()


def test_a_list_of_sites_that_somebody_spoilt_is_refused(tmp_path: Path, capsys) -> None:
    setup(tmp_path / "sites", *PAIR)
    (tmp_path / "sites/authorities/sites.json").write_text('{"format": "strongroom-skip-sites/1"}')

    assert setup(tmp_path / "more", "--from", str(tmp_path / "sites"), "--renew", "porto") == 2
    assert "holds no list of sites" in capsys.readouterr().err
