"""From a change of somebody's account to the mail in their box, over a mail server, through the alerts' outbox."""

import os
import subprocess
import sys
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select, update

from strongroom.access.principals import Role
from strongroom.alerts.sending import Sender
from strongroom.catalog.alert_messages import AlertChannel, AlertDelivery, DeliveryState
from strongroom.catalog.alerts import Alert
from strongroom.catalog.dbtime import utcnow
from strongroom.jobs.processes import ProcessIdentity, ProcessKind
from strongroom.tracing import bind
from strongroom.watch.watcher import Watcher
from tests.services.loud import Ear, Heard, Mood
from tests.services.operators import NOON, PASSWORD, OpenOperators, OperatorHouse

MAIL = "ana@home.example"
OPS_MAIL = """
[channels.ops-mail]
kind = "email"
host = "127.0.0.1"
port = {port}
security = "none"
sender = "strongroom@example.com"
to = ["ops@example.com"]
"""
CHAT = """
[alerts]
private_networks = ["127.0.0.1/32"]
[channels.chat]
kind = "webhook"
url = "{url}/chat"
secret_env = "SECRET"
"""
ENVIRONMENT = {"SECRET": "s3cret-that-nobody-sees"}


class Post:
    """An installation with an operator, and a watcher that sends."""

    def __init__(self, house: OperatorHouse) -> None:
        self.house = house
        sender = Sender(house.services.settings, ENVIRONMENT, house.services.clock)
        self._watcher = Watcher(house.services, sender, ProcessIdentity("w", ProcessKind.WATCHER, "here", 1, NOON))

    def go_round(self, times: int = 1) -> None:
        """Route and send; what failed is due again at once."""
        for _ in range(times):
            with self.house.services.catalog.begin() as session:
                waiting = AlertDelivery.state == DeliveryState.WAITING
                session.execute(update(AlertDelivery).where(waiting).values(due_at=utcnow(-1)))
            self._watcher.round()
            self._watcher.finish_sending()

    def deliveries(self) -> list[AlertDelivery]:
        """Return what was handed to channels."""
        with self.house.services.catalog.read() as session:
            return list(session.scalars(select(AlertDelivery).order_by(AlertDelivery.created_at)))


OpenPost = Callable[..., Post]


@pytest.fixture
def open_post(open_house: OpenOperators, catalog_url: str, tmp_path: Path) -> OpenPost:
    """Return what opens an installation with channels; the test runs once on SQLite and once on PostgreSQL."""

    def opened(channels: str, email: str | None = MAIL) -> Post:
        file = tmp_path / "strongroom.toml"
        file.write_text(file.read_text(encoding="utf-8") + channels, encoding="utf-8")
        house = open_house(catalog_url, **ENVIRONMENT)
        house.operators.accounts.add("ana", Role.OPERATOR, PASSWORD, email)
        return Post(house)

    return opened


def read(heard: Heard) -> EmailMessage:
    mail = message_from_bytes(heard.body, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_who_enrols_gets_one_mail_without_a_secret(open_post: OpenPost, mail_ear: Ear) -> None:
    post = open_post(OPS_MAIL.format(port=mail_ear.port))
    with bind(request_id="req-of-the-enrolment"):
        enrolment, codes = post.house.enrol()
    post.go_round(3)

    [heard] = mail_ear.heard
    assert heard.path.endswith(f"<{MAIL}>")
    mail = read(heard)
    text = mail.get_content()
    assert (mail["To"], mail["From"]) == (MAIL, "strongroom@example.com")
    assert mail["Subject"] == "Strongroom account ana: a second factor was set up"
    assert mail.get_content_type() == "text/plain"
    assert "Request: req-of-the-enrolment" in text
    assert "If not: " in text
    shown = (enrolment.secret, enrolment.otpauth_uri, PASSWORD, *codes)
    assert not [secret for secret in shown if secret in heard.body.decode()]


def test_a_mail_comes_when_the_server_is_back_and_a_repeat_has_the_same_id(open_post: OpenPost, mail_ear: Ear) -> None:
    post = open_post(OPS_MAIL.format(port=mail_ear.port))
    mail_ear.mood = Mood.SLAMS
    post.house.enrol()
    post.go_round(2)
    assert mail_ear.heard == []

    mail_ear.mood = Mood.WELL
    post.go_round()
    # Whoever sent it died before it was written down.
    with post.house.services.catalog.begin() as session:
        again = {"state": DeliveryState.WAITING, "finished_at": None}
        session.execute(update(AlertDelivery).where(AlertDelivery.recipient == MAIL).values(again))
    post.go_round()

    first, second = [read(heard) for heard in mail_ear.heard if MAIL in heard.path]
    assert first["Message-ID"] == second["Message-ID"] is not None


def test_without_an_address_operations_are_told_and_why(open_post: OpenPost, mail_ear: Ear) -> None:
    post = open_post(OPS_MAIL.format(port=mail_ear.port), email=None)
    post.house.enrol()
    post.go_round(2)

    [heard] = mail_ear.heard
    assert heard.path.endswith("<ops@example.com>")
    mail = read(heard)
    assert mail["Subject"] == "To be passed on: Strongroom account ana: a second factor was set up"
    assert "The account has no mail address" in mail.get_content()
    assert "strongroom accounts set-email" in mail.get_content()


def test_without_a_mail_channel_operations_are_told_through_what_there_is(open_post: OpenPost, ear: Ear) -> None:
    post = open_post(CHAT.format(url=ear.url))
    post.house.enrol()
    post.go_round(2)

    [heard] = [heard for heard in ear.heard if heard.path == "/chat"]
    assert heard.json["title"] == "To be passed on: Strongroom account ana: a second factor was set up"
    assert "no channel of kind email" in heard.body.decode()


def test_an_address_that_is_refused_is_told_to_operations_and_blames_no_channel(
    open_post: OpenPost, mail_ear: Ear
) -> None:
    post = open_post(OPS_MAIL.format(port=mail_ear.port))
    mail_ear.refuses = MAIL
    post.house.enrol()
    post.go_round(3)

    [heard] = mail_ear.heard
    assert heard.path.endswith("<ops@example.com>")
    assert "does not take mail for the address of this account (550)" in read(heard).get_content()
    states = [(row.recipient, row.state) for row in post.deliveries()]
    assert states == [(MAIL, DeliveryState.DEAD), (None, DeliveryState.SENT)]
    with post.house.services.catalog.read() as session:
        assert session.scalars(select(Alert.cause)).all() == []
        assert [channel.failures for channel in session.scalars(select(AlertChannel))] == [0]


def test_a_mail_server_that_is_away_has_others_told_after_three_times(
    open_post: OpenPost, mail_ear: Ear, ear: Ear
) -> None:
    post = open_post(OPS_MAIL.format(port=mail_ear.port) + CHAT.format(url=ear.url))
    mail_ear.mood = Mood.SLAMS
    post.house.enrol()
    post.go_round(5)

    titles = [heard.json["title"] for heard in ear.heard if heard.path == "/chat"]
    assert [title for title in titles if title.startswith("To be passed on: ")] == [
        "To be passed on: Strongroom account ana: a second factor was set up"
    ]
    mail_ear.mood = Mood.WELL
    post.go_round()
    assert [heard for heard in mail_ear.heard if MAIL in heard.path]


def test_the_process_that_sends_knows_enough_to_send(open_post: OpenPost, mail_ear: Ear, tmp_path: Path) -> None:
    post = open_post(OPS_MAIL.format(port=mail_ear.port))
    post.house.enrol()
    url = post.house.services.catalog.engine.url.render_as_string(hide_password=False)
    places = {"STRONGROOM_CONFIG": str(tmp_path / "strongroom.toml"), "STRONGROOM_CATALOG_URL": url}
    command = [sys.executable, "-m", "strongroom", "watch", "--once"]
    done = subprocess.run(command, env={**os.environ, **places, **ENVIRONMENT}, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    assert [heard.path for heard in mail_ear.heard if MAIL in heard.path]
