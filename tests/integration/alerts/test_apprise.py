"""Channels of kind apprise, with the real package: it delivers, it is bounded, and the address stays a secret."""

import logging
import sys
import time
from pathlib import Path

import pytest

from strongroom.alerts.errors import BadAddressError, ChannelFailedError, ExtraMissingError
from strongroom.alerts.sending import Sender
from strongroom.catalog.alerts import NoticeReason
from strongroom.clock import SystemClock
from tests.integration.alerts.stage import SECRETS, message, settings_with, subject
from tests.services.loud import Ear, Mood

TABLE = '[channels.it]\nkind = "apprise"\nurl_env = "APPRISE_URL"\n'


def sender(tmp_path: Path, url: str) -> Sender:
    env = {**SECRETS, "APPRISE_URL": url}
    return Sender(settings_with(tmp_path, TABLE, env), env, SystemClock())


def to(ear: Ear) -> str:
    return f"json://user:{SECRETS['PASSWORD']}@127.0.0.1:{ear.port}/hook/{SECRETS['TOKEN']}"


def test_a_message_and_its_end_are_delivered(tmp_path: Path, ear: Ear):
    channel = sender(tmp_path, to(ear))
    channel.send("it", message(title="[CRITICAL] Backup failed: caf\u00e9\r\nX: y"))
    channel.send("it", message(subject(resolved=True), reason=NoticeReason.RESOLVED))

    failed, over = (heard.json for heard in ear.heard)
    assert (failed["type"], over["type"]) == ("failure", "success")
    assert failed["title"].startswith("[CRITICAL] Backup failed: caf\u00e9")
    assert "Next: Look at the job." in failed["message"]


def test_a_service_that_fails_is_an_error_without_the_address(
    tmp_path: Path, ear: Ear, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    ear.mood = Mood.FAILS

    with pytest.raises(ChannelFailedError, match="could not deliver") as caught:
        sender(tmp_path, to(ear)).send("it", message())

    assert ear.heard
    assert not any(secret in str(caught.value) + caplog.text for secret in SECRETS.values())


def test_an_address_that_apprise_does_not_know_is_nowhere_to_be_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    with pytest.raises(BadAddressError, match="does not know this address") as caught:
        sender(tmp_path, f"slakc://{SECRETS['TOKEN']}/{SECRETS['SECRET']}").send("it", message())

    said = capfd.readouterr()
    assert not any(secret in str(caught.value) + said.out + said.err for secret in SECRETS.values())


def test_an_answer_that_drips_is_cut(tmp_path: Path, ear: Ear, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("strongroom.alerts.channels.apprise.SECONDS", 4.0)
    ear.mood = Mood.DRIPS
    began = time.monotonic()

    with pytest.raises(ChannelFailedError, match="took longer than 4 s"):
        sender(tmp_path, to(ear)).send("it", message())

    assert time.monotonic() - began < 25


def test_it_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "apprise", None)

    with pytest.raises(ExtraMissingError, match="alerts-apprise"):
        sender(tmp_path, "json://x").send("it", message())
