"""`strongroom alerts` and `strongroom watch` as an operator uses them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.catalog.dbtime import database_now
from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.settings import load_settings
from tests.integration.cli.conftest import Run
from tests.services.loud import Ear, Mood

OK, USAGE, UNHEALTHY, NOT_FOUND, BUSY = 0, 2, 4, 10, 11


@pytest.fixture
def channel(installed: Run, tmp_path: Path, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> Run:
    """An installation with one channel."""
    monkeypatch.setenv("HOOK_SECRET", "the-secret-of-the-hook")
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write('\n[alerts]\nprivate_networks = ["127.0.0.1/32"]\n[channels.hook]\nkind = "webhook"\n')
        file.write(f'url = "{ear.url}"\nsecret_env = "HOOK_SECRET"\n')
    return installed


@pytest.fixture
def opened(channel: Run, tmp_path: Path) -> Callable[[str], str]:
    """A function that opens an alert and returns its id."""

    def open_one(source: str) -> str:
        settings = load_settings(tmp_path / "strongroom.toml", {})
        catalog = Catalog(open_engine(settings.catalog_url.get_secret_value()))
        with catalog.begin() as session:
            now, message = database_now(session), f"Backup failed: {source}"
            kind, bad = AlertType.FAILURE, Severity.CRITICAL
            alert = open_alert(session, AlertReport(kind, bad, "backup.failed", message, "Look.", now, source=source))
            found = str(alert.id)
        catalog.close()
        return found

    return open_one


def listed(run: Run, *options: str) -> list[dict[str, object]]:
    code, out, err = run("alerts", "list", "--json", *options)
    assert code == OK, err
    items: list[dict[str, object]] = json.loads(out)["items"]
    return items


def test_nothing_wrong_is_said_in_words(channel: Run):
    assert channel("alerts", "list")[1] == "Nothing is wrong that we know of.\n"


def test_an_alert_from_opened_to_resolved(channel: Run, opened: Callable[[str], str], ear: Ear):
    alert = opened("uploads")
    [shown] = listed(channel)
    assert {"id", "backupId", "type", "severity", "message", "timestamp", "resolved"} <= set(shown)
    assert (shown["id"], shown["message"], shown["resolved"]) == (alert, "Backup failed: uploads", False)

    assert channel("alerts", "ack", alert)[0] == OK
    assert "acknowledged by" in channel("alerts", "list")[1]
    assert channel("alerts", "resolve", alert, "--note", "disk replaced")[0] == OK
    assert listed(channel) == []
    assert [item["resolution"] for item in listed(channel, "--all")] == ["disk replaced"]
    assert channel("alerts", "resolve", alert, "--note", "again")[0] == BUSY
    code, out, _ = channel("alerts", "show", alert)
    assert (code, [word in out for word in ("opened", "acknowledged", "resolved", "disk replaced")]) == (OK, [True] * 4)


def test_one_round_of_the_watcher_says_what_is_wrong(channel: Run, opened: Callable[[str], str], ear: Ear):
    alert = opened("uploads")
    assert channel("watch", "--once")[0] == OK
    assert [one["id"] for one in ear.wait_for(1, 5)[0].json["alerts"]] == [alert]
    assert "the-secret" not in str(channel("alerts", "show", alert, "--json"))


def test_a_silence_from_begin_to_end(channel: Run):
    code, out, _ = channel("alerts", "silence", "source=up*", "severity=critical", "--for", "2h", "--reason", "moving")
    assert code == OK
    assert "source=up*, severity=critical" in out
    [silence] = json.loads(channel("alerts", "silence", "--list", "--json")[1])["items"]
    assert channel("alerts", "silence", "--end", silence["id"])[0] == OK
    assert json.loads(channel("alerts", "silence", "--list", "--json")[1])["items"] == []
    assert channel("alerts", "silence", "--end", silence["id"])[0] == NOT_FOUND


@pytest.mark.parametrize(
    "words",
    [
        ("source=x", "--reason", "r"),
        ("source=x", "--for", "2h"),
        ("source=x", "--for", "8d", "--reason", "r"),
        ("cause=beat.silent", "--for", "2d", "--reason", "r"),
        ("colour=red", "--for", "2h", "--reason", "r"),
        ("source", "--for", "2h", "--reason", "r"),
        ("--for", "2h", "--reason", "r"),
    ],
)
def test_a_bad_silence_is_a_mistake_of_the_caller(channel: Run, words: tuple[str, ...]):
    assert channel("alerts", "silence", *words)[0] == USAGE


def test_a_test_says_whether_the_channel_took_it(channel: Run, ear: Ear):
    code, out, _ = channel("alerts", "test", "--channel", "hook")
    assert (code, "taken" in out) == (OK, True)
    assert ear.heard[0].json["title"] == "Test of channel hook: this is no alert"

    ear.mood = Mood.FAILS
    code, out, _ = channel("alerts", "test", "--all")
    assert (code, "NOT TAKEN" in out, "It answered 500." in out) == (UNHEALTHY, True, True)


def test_without_a_channel_nobody_hears_and_a_test_says_so(installed: Run):
    code, _, err = installed("alerts", "test", "--all")

    assert code == 4
    assert "No channel" in err


def test_an_unknown_channel_is_not_found(channel: Run):
    code, _, err = channel("alerts", "test", "--channel", "hok")

    assert code == NOT_FOUND
    assert "Did you mean 'hook'?" in err


def test_an_unknown_alert_is_not_found(channel: Run):
    assert channel("alerts", "ack", "0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70")[0] == NOT_FOUND


def test_channels_are_shown_with_how_they_did(channel: Run):
    assert "hook" in channel("alerts", "channels")[1]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[channels.x]\nkind = "pigeon"', "This is not a kind of channel."),
        ('[channels.x]\nkind = "slack"', "Where the url is, is not said."),
        ('[channels.x]\nkind = "slack"\nurl = "https://x"', "This key is not known."),
        ('[channels.x]\nkind = "call"\nmin_severity = "low"', "'critical'"),
        ('[channels.x]\nkind = "slack"\nurl_env = "A"\nurl_file = "b"', "in two places"),
        (
            '[channels.x]\nkind = "email"\nhost = "h"\nsender = "s"\nto = ["t"]\npassword_env = "P"\nsecurity = "none"',
            "would travel in clear",
        ),
        ('[pings.x]\nsource = "nobody"\nurl_env = "A"', "There is no source nobody."),
        ('[alerts]\nprivate_networks = ["ten"]', "This is not a network"),
    ],
)
def test_a_mistake_in_the_settings_is_named(installed: Run, tmp_path: Path, table: str, said: str):
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write(f"\n{table}\n")
    code, _, err = installed("config", "check")

    assert code == USAGE
    assert said in err
