"""`strongroom peers`: two installations join a set-up, give their pair a new secret and drop it again."""

import ctypes
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.cli.main import main
from strongroom.keysync.certificates import Authority
from strongroom.keysync.liveness import note_silence
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings

GET_DUMPABLE, SET_DUMPABLE = 3, 4
BASE = '# Kept.\n[regions.here]\npath = "region"\n'


class Site:
    """An installation in a directory of its own."""

    def __init__(self, home: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
        home.mkdir()
        self.bundle = bundle
        self.config = home / "strongroom.toml"
        self.config.write_text(BASE)
        self._capsys = capsys
        assert self.run("init", "--upgrade")[0] == 0

    def run(self, *words: str) -> tuple[int, str]:
        code = main([*words, "--config", str(self.config)])
        said = self._capsys.readouterr()
        return code, said.out + said.err

    def document(self, *words: str) -> tuple[int, dict]:
        code = main([*words, "--json", "--config", str(self.config)])
        return code, json.loads(self._capsys.readouterr().out)

    def secrets(self, peer: str) -> list[str]:
        items = self.document("peers", "status", peer)[1]["items"]
        return [secret["state"] for secret in items[0]["secrets"]]


@pytest.fixture
def sites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Site, Site]:
    names = ("lisbon", "porto")
    options = [part for name in names for part in ("--site", f"{name}=127.0.0.1")]
    assert main(["peers", "setup", str(tmp_path / "sites"), "--psk-encryptor", "lisbon=fw-1", *options]) == 0
    pair = [Site(tmp_path / name, tmp_path / "sites" / name, capsys) for name in names]
    return pair[0], pair[1]


def test_a_site_joins_once_and_a_second_time_changes_nothing(sites: tuple[Site, Site]) -> None:
    lisbon, porto = sites
    for site in sites:
        assert site.run("peers", "join", str(site.bundle))[0] == 0

    after = lisbon.config.read_text()
    settings = load_settings(lisbon.config, {})
    assert after.startswith(BASE)
    assert settings.require_skip().encryptors["fw-1"].psk.read({}).get_secret_value()
    assert lisbon.run("peers", "join", str(lisbon.bundle))[0] == 0
    assert lisbon.config.read_text() == after
    assert (lisbon.secrets("porto"), porto.secrets("lisbon")) == (["current"], ["current"])


def test_the_folder_of_another_site_is_refused_and_changes_nothing(sites: tuple[Site, Site]) -> None:
    lisbon, porto = sites
    lisbon.run("peers", "join", str(lisbon.bundle))
    before = lisbon.config.read_text()

    code, said = lisbon.run("peers", "join", str(porto.bundle))

    assert code == 11
    assert "[skip] of its own" in said
    assert lisbon.config.read_text() == before


def test_a_folder_that_is_no_site_is_refused(sites: tuple[Site, Site], tmp_path: Path) -> None:
    code, said = sites[0].run("peers", "join", str(tmp_path))

    assert (code, "skip.toml cannot be read" in said) == (2, True)
    assert sites[0].config.read_text() == BASE


def test_a_secret_is_never_in_the_catalog_in_clear_nor_on_the_screen(sites: tuple[Site, Site]) -> None:
    lisbon, _ = sites
    lisbon.run("peers", "join", str(lisbon.bundle))
    secret = json.loads((lisbon.bundle / "psks/porto.json").read_text())["secret"]

    said = lisbon.run("peers", "status")[1] + lisbon.run("config", "show")[1]

    stored = b"".join(path.read_bytes() for path in (lisbon.config.parent / "data").glob("catalog.db*"))
    assert secret not in said
    assert secret.encode() not in stored
    assert bytes.fromhex(secret) not in stored


def test_a_new_secret_waits_on_both_sides_and_revoking_drops_all(sites: tuple[Site, Site], tmp_path: Path) -> None:
    lisbon, porto = sites
    for site in sites:
        site.run("peers", "join", str(site.bundle))
    carried = str(tmp_path / "carried.json")
    prctl = ctypes.CDLL(None).prctl
    prctl(SET_DUMPABLE, 1, 0, 0, 0)

    assert lisbon.run("peers", "rotate-psk", "porto", "--write", carried)[0] == 0
    assert porto.run("peers", "rotate-psk", "lisbon", "--read", carried)[0] == 0
    assert (lisbon.secrets("porto"), porto.secrets("lisbon")) == (["current", "next"], ["current", "next"])
    # Who has had a secret in hand shows its memory to nobody.
    assert prctl(GET_DUMPABLE, 0, 0, 0, 0) == 0

    assert lisbon.run("peers", "revoke", "porto", "--yes")[0] == 0
    assert lisbon.secrets("porto") == ["revoked", "revoked"]
    assert lisbon.run("peers", "join", str(lisbon.bundle))[0] == 0
    assert lisbon.secrets("porto") == ["revoked", "revoked"]


def test_where_each_side_has_written_a_secret_one_gives_up_its_own(sites: tuple[Site, Site], tmp_path: Path) -> None:
    lisbon, porto = sites
    for site in sites:
        site.run("peers", "join", str(site.bundle))
    ours, theirs = str(tmp_path / "ours.json"), str(tmp_path / "theirs.json")
    lisbon.run("peers", "rotate-psk", "porto", "--write", ours)
    porto.run("peers", "rotate-psk", "lisbon", "--write", theirs)

    code, said = lisbon.run("peers", "rotate-psk", "porto", "--read", theirs)
    assert (code, "--cancel" in said) == (11, True)

    assert lisbon.run("peers", "rotate-psk", "porto", "--cancel")[0] == 0
    assert lisbon.run("peers", "rotate-psk", "porto", "--read", theirs)[0] == 0
    assert lisbon.secrets("porto") == ["current", "erased", "next"]
    assert porto.secrets("lisbon") == ["current", "next"]
    assert lisbon.run("peers", "rotate-psk", "porto", "--read", ours)[0] == 11
    porto.run("peers", "rotate-psk", "lisbon", "--cancel")
    assert porto.document("peers", "rotate-psk", "lisbon", "--cancel") == (0, {"peer": "lisbon", "given_up": []})


@pytest.mark.parametrize("spoil", ["other pair", "readable", "no secret", "missing"])
def test_a_secret_that_is_not_this_pairs_or_not_private_is_refused(
    sites: tuple[Site, Site], tmp_path: Path, spoil: str
) -> None:
    lisbon, _ = sites
    lisbon.run("peers", "join", str(lisbon.bundle))
    carried = tmp_path / "carried.json"
    document = json.loads((lisbon.bundle / "psks/porto.json").read_text()) | {"psk_id": "another"}
    if spoil == "other pair":
        document["pair"] = ["KP-X", "KP-Y"]
    if spoil == "no secret":
        document["secret"] = "00" * 31
    if spoil != "missing":
        carried.touch(mode=0o600)
        carried.write_text(json.dumps(document))
    if spoil == "readable":
        carried.chmod(0o644)

    assert lisbon.run("peers", "rotate-psk", "porto", "--read", str(carried))[0] == 2
    assert lisbon.secrets("porto") == ["current"]


def test_a_file_that_is_there_is_not_replaced_by_a_new_secret(sites: tuple[Site, Site], tmp_path: Path) -> None:
    lisbon, _ = sites
    lisbon.run("peers", "join", str(lisbon.bundle))
    there = tmp_path / "carried.json"
    there.write_text("kept")

    code, said = lisbon.run("peers", "rotate-psk", "porto", "--write", str(there))

    assert (code, "cannot be made: File exists" in said) == (2, True)
    assert there.read_text() == "kept"
    assert lisbon.secrets("porto") == ["current"]


def make_more(sites: tuple[Site, Site], name: str, *options: str) -> Path:
    """Make a folder of additions."""
    setup = sites[0].bundle.parent
    assert sites[0].run("peers", "setup", str(setup.parent / name), "--from", str(setup), *options)[0] == 0
    return setup.parent / name


def test_a_site_gets_a_peer_and_an_encryptor_later(sites: tuple[Site, Site]) -> None:
    lisbon, porto = sites
    lisbon.run("peers", "join", str(lisbon.bundle))
    before = lisbon.config.read_text()
    more = make_more(sites, "more", "--site", "faro=127.0.0.1", "--psk-encryptor", "lisbon=fw-9")

    assert lisbon.run("peers", "join", str(more / "lisbon"))[0] == 0

    after = lisbon.config.read_text()
    skip = load_settings(lisbon.config, {}).require_skip()
    assert after.startswith(before.rstrip())
    assert (set(skip.peers), set(skip.encryptors)) == ({"porto", "faro"}, {"fw-1", "fw-9"})
    assert skip.encryptors["fw-9"].psk.read({}).get_secret_value()
    assert (lisbon.secrets("faro"), lisbon.secrets("porto")) == (["current"], ["current"])
    assert lisbon.run("peers", "join", str(more / "lisbon"))[0] == 0
    assert lisbon.config.read_text() == after
    assert porto.run("peers", "join", str(more / "lisbon"))[0] == 10
    porto.run("peers", "join", str(porto.bundle))
    assert porto.run("peers", "join", str(more / "lisbon"))[0] == 11


def test_renewed_certificates_replace_older_ones_and_never_newer_ones(sites: tuple[Site, Site]) -> None:
    lisbon, _ = sites
    lisbon.run("peers", "join", str(lisbon.bundle))
    place = lisbon.config.parent / "skip"
    first, second = (make_more(sites, name, "--renew", "lisbon") / "lisbon" for name in ("first", "second"))
    old = {name: (place / name).read_bytes() for name in ("peer-ca.pem", "encryptor-ca.pem", "fw-1.psk")}

    code, document = lisbon.document("peers", "join", str(second))

    assert (code, [Path(path).name for path in document["renewed"]]) == (0, ["peer.pem", "encryptor-face.pem"])
    for name in ("peer.pem", "peer.key", "encryptor-face.pem", "encryptor-face.key"):
        assert (place / name).read_bytes() == (second / "skip" / name).read_bytes()
    assert {name: (place / name).read_bytes() for name in old} == old
    put_later(place / "peer.pem", second.parent.parent / "sites/authorities")
    code, said = lisbon.run("peers", "join", str(first))
    assert (code, "is newer than" in said) == (11, True)
    assert (place / "encryptor-face.pem").read_bytes() == (second / "skip/encryptor-face.pem").read_bytes()


def put_later(place: Path, authorities: Path) -> None:
    """Put a certificate that was made later in the place of another."""
    pem = {end: (authorities / f"peer-ca.{end}").read_bytes() for end in ("pem", "key")}
    later = datetime.now(UTC) + timedelta(hours=2)
    issued = Authority.open(pem["pem"], pem["key"]).issue_provider("KP-X", ["127.0.0.1"], later, 30)
    place.write_bytes(issued.certificate)


def test_a_list_shows_peers_nobody_has_heard_of(sites: tuple[Site, Site]) -> None:
    lisbon, _ = sites
    lisbon.run("peers", "join", str(lisbon.bundle))

    code, document = lisbon.document("peers", "list")

    assert code == 0
    assert [(item["name"], item["status"]) for item in document["items"]] == [("porto", "unknown")]
    code, document = lisbon.document("peers", "status")
    assert code == 4
    shown = document["items"][0]
    assert (shown["keys_ours"], shown["keys_theirs"], shown["ids_kept"]) == (0, 0, 0)


def test_the_status_says_why_a_peer_does_not_answer(sites: tuple[Site, Site]) -> None:
    lisbon, _ = sites
    lisbon.run("peers", "join", str(lisbon.bundle))
    runtime = build_runtime(load_settings(lisbon.config, {}))
    with runtime.catalog.begin() as session:
        peer = runtime.settings.require_skip().get_peer("porto").known_as
        note_silence(session, peer, "The peer refused a message (400).", runtime.clock.now())
    runtime.close()

    assert "porto: The peer refused a message (400)." in lisbon.run("peers", "status")[1]
    assert lisbon.document("peers", "status")[1]["items"][0]["silence"] == "The peer refused a message (400)."


def test_without_skip_there_are_no_peers(sites: tuple[Site, Site]) -> None:
    code, said = sites[0].run("peers", "list")

    assert (code, "strongroom peers setup" in said) == (10, True)


def test_voiding_begins_a_new_incarnation_and_keeps_the_secrets(sites: tuple[Site, Site]) -> None:
    lisbon, _ = sites
    assert lisbon.run("peers", "join", str(lisbon.bundle))[0] == 0

    assert lisbon.document("peers", "void", "--yes") == (0, {"voided": 0})
    assert lisbon.secrets("porto") == ["current"]
