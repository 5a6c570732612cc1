"""Commands that destroy, run whole where admins have second factors: nothing without codes, everything with them."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from strongroom.catalog.backups import Backup
from strongroom.errors import ExitCode
from strongroom.runtime import build_runtime
from strongroom.services import Services
from strongroom.settings import load_settings
from tests.integration.cli.conftest import Run, events
from tests.integration.cli.shop import COLUMN, Shop
from tests.integration.cli.test_peers import Site, sites
from tests.integration.cli.test_retiring_keys import states
from tests.services.operators import enrol_admins

__all__ = ["sites"]

NO_REGULATION = "[policies.operational-data]\nretention_days = {days}\ncompliance = []\n"


class Admins:
    """Two administrators, and their backup codes, each of which is typed once."""

    def __init__(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self._codes, self._monkeypatch = enrol_admins(services, "ana", "rui"), monkeypatch

    def type_codes(self, *names: str) -> tuple[str, ...]:
        """Put a code of each on stdin; return the options that say who they are."""
        lines = "".join(f"{self._codes[name].pop()}\n" for name in names)
        self._monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        return tuple(part for option, name in zip(("--as", "--second"), names, strict=False) for part in (option, name))

    def verify_asked(self, call: Callable[..., int], words: tuple[str, ...], unharmed: Callable[[], bool]) -> None:
        """See that nothing happens without a code, or with a wrong one."""
        self._monkeypatch.setattr("sys.stdin", io.StringIO("000000\n"))
        for persons in ((), ("--as", "ana")):
            assert call(*words, *persons) == ExitCode.NOT_ALLOWED, persons
        assert unharmed()


def opened(file: Path, monkeypatch: pytest.MonkeyPatch, **environment: str) -> Admins:
    """Give an installation two administrators."""
    runtime = build_runtime(load_settings(file, {"MFA_ENABLED": "true", **environment}))
    try:
        return Admins(runtime.services(), monkeypatch)
    finally:
        runtime.close()


@pytest.fixture
def admins(installed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Admins:
    """The administrators of the installation with one source."""
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write(NO_REGULATION.format(days=365))
    return opened(tmp_path / "strongroom.toml", monkeypatch)


@pytest.fixture
def code(installed: Run) -> Callable[..., int]:
    """Call the command; return its exit code."""
    return lambda *words: installed(*words)[0]


def listed(run: Run, *words: str) -> list[dict[str, Any]]:
    _, out, err = run(*words, "--json")
    assert out, err
    items: list[dict[str, Any]] = json.loads(out)["items"]
    return items


def back_up(run: Run) -> str:
    exit_code, out, err = run("backup", "run", "uploads", "--type", "full", "--here", "--json")
    assert exit_code == 0, err
    return str(events(out)[-1]["id"])


def keeps(run: Run, backup: str) -> Callable[[], bool]:
    """Return what says whether a backup is still there."""
    return lambda: backup in {one["id"] for one in listed(run, "backup", "list", "--state", "committed")}


def test_restoring_over_what_is_there(installed: Run, admins: Admins, code, tmp_path: Path) -> None:
    target = tmp_path / "restored"
    target.mkdir()
    (target / "letter.txt").write_text("mine")
    words = ("restore", "run", back_up(installed), "--target", str(target), "--here", "--overwrite")
    words = (*words, "--confirm", str(target))
    admins.verify_asked(code, words, lambda: (target / "letter.txt").read_text() == "mine")

    assert code(*words, *admins.type_codes("ana")) == 0
    assert (target / "letter.txt").read_text() == "Dear reader"


def test_giving_up_a_backup_before_its_time(installed: Run, admins: Admins, code) -> None:
    old, _ = back_up(installed), back_up(installed)
    words = ("backup", "retire", old, "--confirm", "uploads")
    kept = keeps(installed, old)
    admins.verify_asked(code, words, kept)
    assert code(*words, *admins.type_codes("ana")) == ExitCode.BUSY, "a second person is waited for"
    assert kept()

    assert code(*words, *admins.type_codes("ana", "rui")) == 0
    assert not kept()


def test_shortening_a_policy_and_deleting_more_than_usual(installed: Run, admins: Admins, code, tmp_path: Path) -> None:
    old, _ = back_up(installed), back_up(installed)
    age(tmp_path, days=200)
    assert code("retention", "apply", "--here") == 0
    settings = tmp_path / "strongroom.toml"
    settings.write_text(settings.read_text().replace("retention_days = 365", "retention_days = 90"))
    approve = ("retention", "approve", "uploads", "--confirm", "uploads")
    admins.verify_asked(code, approve, lambda: code("retention", "plan") == ExitCode.UNHEALTHY)
    assert code(*approve, *admins.type_codes("ana")) == 0

    more = ("retention", "apply", "--source", "uploads", "--max-share", "60", "--confirm", "uploads", "--here")
    kept = keeps(installed, old)
    admins.verify_asked(code, more, kept)
    assert code(*more, *admins.type_codes("ana")) == 0
    assert not kept()


def age(tmp_path: Path, days: int) -> None:
    """Make the oldest backup so many days older."""
    runtime = build_runtime(load_settings(tmp_path / "strongroom.toml", {}))
    with runtime.catalog.begin() as session:
        oldest = session.scalars(select(Backup).order_by(Backup.created_at).limit(1)).one()
        oldest.created_at -= timedelta(days=days)
    runtime.close()


def test_releasing_a_hold(installed: Run, admins: Admins, code) -> None:
    assert code("holds", "add", back_up(installed), "--reason", "case 4711") == 0
    (hold,) = listed(installed, "holds", "list")
    words = ("holds", "release", hold["id"], "--reason", "closed", "--confirm", "uploads")
    admins.verify_asked(code, words, lambda: len(listed(installed, "holds", "list")) == 1)

    assert code(*words, *admins.type_codes("ana")) == 0
    assert listed(installed, "holds", "list") == []


def test_removing_the_slots_of_an_old_key(installed: Run, admins: Admins, code, tmp_path: Path) -> None:
    backup = back_up(installed)
    words = ("rotate-kek", "--region", "eu-west-1", "--remove-old", "--here")
    admins.verify_asked(code, words, lambda: True)

    assert code(*words, *admins.type_codes("ana")) == 0
    assert code("restore", "run", backup, "--target", str(tmp_path / "back"), "--here") == 0
    assert code("rotate-kek", "--region", "eu-west-1", "--remove-old", *admins.type_codes("ana"), "--here") == 0


def test_destroying_a_column_key(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_SECRETS_PASSPHRASE", "correct horse battery")
    assert shop.call("secrets", "reencrypt", *COLUMN).code == 0
    url = shop.catalog.url.render_as_string(hide_password=False)
    admins = opened(shop.folder / "strongroom.toml", monkeypatch, STRONGROOM_CATALOG_URL=url, SHOP_URL="sqlite:///x")
    words = ("secrets", "remove-versions", "--versions", "v1", "--yes")

    def code(*said: str) -> int:
        return int(shop.call(*said).code)

    admins.verify_asked(code, words, lambda: states(shop)["v1"] == "decrypt_only")
    assert code(*words, *admins.type_codes("ana")) == ExitCode.BUSY, "a second person is waited for"
    assert states(shop)["v1"] == "decrypt_only"
    assert code(*words, *admins.type_codes("ana", "rui")) == 0
    assert states(shop) == {"v1": "destroyed", "v2": "active"}
    assert shop.secrets()[0] == "SECRET0"


def test_revoking_a_peer_and_voiding_its_keys(sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch) -> None:
    lisbon, _ = sites
    assert lisbon.run("peers", "join", str(lisbon.bundle))[0] == 0
    admins = opened(lisbon.config, monkeypatch)

    def code(*words: str) -> int:
        return lisbon.run(*words)[0]

    void, revoke = ("peers", "void", "--yes"), ("peers", "revoke", "porto", "--yes")
    for words, after in ((void, ["current"]), (revoke, ["revoked"])):
        admins.verify_asked(code, words, lambda: lisbon.secrets("porto") == ["current"])
        assert code(*words, *admins.type_codes("ana")) == 0
        assert lisbon.secrets("porto") == after


def test_taking_a_factor_away(admins: Admins, code) -> None:
    words = ("accounts", "mfa-reset", "rui", "--confirm", "rui", "--reason", "lost the phone, seen in person")
    admins.verify_asked(code, words, lambda: True)
    assert code(*words, *admins.type_codes("rui")) == ExitCode.NOT_ALLOWED, "of oneself"
    assert code(*words, *admins.type_codes("ana")) == 0
