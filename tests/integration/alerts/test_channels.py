"""Every kind of channel says a message in its own language, and what goes wrong is an error without a secret."""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from strongroom.alerts.errors import ChannelFailedError, ChannelForbiddenError
from strongroom.alerts.sending import Sender
from strongroom.alerts.trying import try_channel
from strongroom.alerts.wording import MOST_SUBJECTS
from strongroom.catalog.alerts import NoticeReason
from strongroom.clock import SystemClock
from strongroom.settings.errors import UnknownChannelError
from strongroom.settings.named_secrets import NamedSecretError
from tests.integration.alerts.stage import LOOPBACK, SECRETS, message, settings_with, subject
from tests.services.loud import Ear, Mood

PHONE = 'gateway = "{url}"\naccount = "AC1"\ntoken_env = "TOKEN"\nsender = "+351210000000"\nto = "+351910000000"\n'
KINDS = {
    "slack": 'url_env = "SLACK_URL"\n',
    "sms": PHONE,
    "call": PHONE,
    "pagerduty": 'url = "{url}"\nrouting_key_env = "TOKEN"\n',
    "alertmanager": 'url = "{url}"\ntoken_env = "TOKEN"\n',
    "webhook": 'url = "{url}/hook?x=1"\nsecret_env = "SECRET"\n',
}
OVER_HTTP = list(KINDS)
BAD_MOODS = [mood for mood in Mood if mood is not Mood.WELL]

MakeSender = Callable[..., Sender]


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have channels be given up after a second."""
    monkeypatch.setattr("strongroom.alerts.http.TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr("strongroom.alerts.channels.mail.SECONDS", 1.0)


@pytest.fixture
def sender_for(tmp_path: Path) -> MakeSender:
    """Return a function that makes a sender with one channel called `it`."""

    def make(kind: str, ear: Ear, *, alerts: str = LOOPBACK, extra: str = "") -> Sender:
        env = {**SECRETS, "SLACK_URL": f"{ear.url}/services/T0/B0/{SECRETS['TOKEN']}"}
        table = f'[channels.it]\nkind = "{kind}"\n{KINDS.get(kind, "").replace("{url}", ear.url)}{extra}'
        return Sender(settings_with(tmp_path, table, env, alerts=alerts), env, SystemClock())

    return make


@pytest.fixture
def mail_sender(tmp_path: Path, mail_ear: Ear) -> Sender:
    table = f'[channels.it]\nkind = "email"\nhost = "127.0.0.1"\nport = {mail_ear.port}\nsecurity = "none"\n'
    table += 'sender = "strongroom@example.com"\nto = ["ops@example.com", "boss@example.com"]\n'
    return Sender(settings_with(tmp_path, table, SECRETS), SECRETS, SystemClock())


def test_slack_gets_text_without_markup_of_its_own(sender_for: MakeSender, ear: Ear):
    sender_for("slack", ear).send("it", message(title="[CRITICAL] Backup failed: <!channel> & co"))

    [heard] = ear.heard
    assert heard.path.startswith("/services/T0/B0/")
    assert heard.json["text"].startswith(":red_circle: *[CRITICAL] Backup failed: &lt;!channel&gt; &amp; co*\n")
    assert "docs/runbook.md#backup-failed" in heard.json["text"]
    assert "Next: Look at the job." in heard.json["text"]


def test_a_text_message_is_a_form_with_a_login(sender_for: MakeSender, ear: Ear):
    sender_for("sms", ear).send("it", message())

    [heard] = ear.heard
    assert heard.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert heard.form["To"] == "+351910000000"
    assert heard.form["Body"].startswith("[CRITICAL] Backup failed: shop. Ack: strongroom alerts ack 0193")
    assert base64.b64decode(heard.headers["Authorization"].split()[1]) == f"AC1:{SECRETS['TOKEN']}".encode()


def test_a_call_reads_the_title_out(sender_for: MakeSender, ear: Ear):
    sender_for("call", ear).send("it", message(title="Backup failed: a<b & c"))

    [heard] = ear.heard
    assert heard.path == "/2010-04-01/Accounts/AC1/Calls.json"
    said = "<Say>Backup failed: a&lt;b &amp; c</Say>"
    assert heard.form["Twiml"] == f'<Response>{said}<Pause length="2"/>{said}</Response>'


@pytest.mark.parametrize(
    ("severity", "theirs"), [("critical", "critical"), ("high", "error"), ("medium", "warning"), ("low", "info")]
)
def test_pagerduty_gets_its_own_severities(sender_for: MakeSender, ear: Ear, severity: str, theirs: str):
    sender_for("pagerduty", ear).send("it", message(subject(severity=severity)))

    event = ear.heard[0].json
    assert ear.heard[0].path == "/v2/enqueue"
    assert (event["event_action"], event["dedup_key"]) == ("trigger", "d" * 64)
    assert event["payload"]["severity"] == theirs
    assert event["payload"]["custom_details"]["trace_id"] == "a" * 32
    assert event["links"] == [{"href": "https://backup.example.com/v1/alerts/1", "text": "Strongroom"}]


@pytest.mark.parametrize(
    ("changes", "action"), [({"state": "acknowledged"}, "acknowledge"), ({"resolved": True}, "resolve")]
)
def test_pagerduty_hears_of_the_rest_of_the_life(
    sender_for: MakeSender, ear: Ear, changes: dict[str, object], action: str
):
    sender_for("pagerduty", ear).send("it", message(subject(**changes), reason=NoticeReason.RESOLVED))

    assert ear.heard[0].json["event_action"] == action


def test_alertmanager_gets_labels_and_when_it_ends(sender_for: MakeSender, ear: Ear):
    sender = sender_for("alertmanager", ear)
    sender.send("it", message())
    sender.send("it", message(subject(resolved=True), reason=NoticeReason.RESOLVED))

    begun, ended = (heard.json[0] for heard in ear.heard)
    assert ear.heard[0].path == "/api/v2/alerts"
    assert begun["labels"]["alertname"] == "backup.failed"
    assert begun["labels"] == ended["labels"]
    assert begun["endsAt"] > ended["endsAt"]
    assert ear.heard[0].headers["Authorization"] == f"Bearer {SECRETS['TOKEN']}"


def test_alertmanager_hears_that_what_got_worse_is_no_longer_what_it_was(sender_for: MakeSender, ear: Ear):
    sender_for("alertmanager", ear).send("it", message(subject(severity="high"), reason=NoticeReason.RAISED))

    ends = {alert["labels"]["severity"]: alert["endsAt"] for alert in ear.heard[0].json}
    assert set(ends) == {"low", "medium", "high"}
    assert ends["high"] > ends["medium"]


def test_a_webhook_is_signed_over_moment_and_body(sender_for: MakeSender, ear: Ear):
    sender_for("webhook", ear).send("it", message())

    [heard] = ear.heard
    moment, signature = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", heard.headers["X-Strongroom-Signature"]).groups()
    expected = hmac.new(SECRETS["SECRET"].encode(), moment.encode() + b"." + heard.body, hashlib.sha256).hexdigest()
    assert signature == expected
    assert abs(time.time() - int(moment)) < 60
    assert heard.path == "/hook?x=1"
    [alert] = heard.json["alerts"]
    required = {"id", "backupId", "type", "severity", "message", "timestamp", "resolved"}
    assert required <= set(alert)
    assert heard.headers["X-Strongroom-Delivery"] == heard.json["id"]


def test_a_mail_has_the_text_and_cannot_be_given_headers(mail_sender: Sender, mail_ear: Ear):
    mail_sender.send("it", message(title="Backup failed: shop\r\nBcc: spy@example.com"))

    [heard] = mail_ear.heard
    mail = message_from_bytes(heard.body, policy=policy.default)
    assert mail["Subject"] == "Backup failed: shop  Bcc: spy@example.com"
    assert mail["Bcc"] is None
    assert "ops@example.com" in heard.path
    assert "boss@example.com" in heard.path
    assert "Acknowledge: strongroom alerts ack 0193" in mail.get_content()


def test_no_password_is_sent_to_a_server_that_does_not_encrypt(tmp_path: Path, mail_ear: Ear):
    table = f'[channels.it]\nkind = "email"\nhost = "127.0.0.1"\nport = {mail_ear.port}\nuser = "strongroom"\n'
    table += 'password_env = "PASSWORD"\nsender = "strongroom@example.com"\nto = ["ops@example.com"]\n'
    sender = Sender(settings_with(tmp_path, table, SECRETS), SECRETS, SystemClock())

    with pytest.raises(ChannelFailedError, match="SMTPNotSupportedError"):
        sender.send("it", message())

    assert {line.split()[0].upper() for line in mail_ear.lines} <= {"EHLO", "HELO", "RSET", "QUIT"}


def test_recipients_whom_the_server_refuses_are_named_and_the_others_get_the_mail(mail_sender: Sender, mail_ear: Ear):
    mail_ear.refuses = "boss@"

    assert mail_sender.send("it", message()) == "127.0.0.1 does not take mail for boss@example.com."
    assert "ops@example.com" in mail_ear.heard[0].path
    assert not try_channel(mail_sender, "it").taken


@pytest.mark.parametrize("mood", BAD_MOODS)
def test_a_channel_that_misbehaves_is_an_error_within_seconds(sender_for: MakeSender, ear: Ear, mood: Mood):
    ear.mood = mood
    began = time.monotonic()

    with pytest.raises(ChannelFailedError) as caught:
        sender_for("webhook", ear).send("it", message())

    assert time.monotonic() - began < 15
    assert SECRETS["SECRET"] not in str(caught.value)


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_no_secret_is_in_an_error(sender_for: MakeSender, ear: Ear, kind: str):
    ear.mood = Mood.FAILS

    with pytest.raises(ChannelFailedError) as caught:
        sender_for(kind, ear).send("it", message())

    assert "500" in caught.value.what
    assert not any(secret in str(caught.value) for secret in SECRETS.values())


@pytest.mark.parametrize("mood", [Mood.SLAMS, Mood.FAILS, Mood.CUTS, Mood.HANGS])
def test_a_mail_server_that_misbehaves_is_an_error(mail_sender: Sender, mail_ear: Ear, mood: Mood):
    mail_ear.mood = mood

    with pytest.raises(ChannelFailedError):
        mail_sender.send("it", message())


def test_a_redirect_is_not_followed_wherever_it_leads(sender_for: MakeSender, ear: Ear, other_ear: Ear):
    ear.mood, ear.redirect_to = Mood.REDIRECTS, f"{other_ear.url}/latest/meta-data/"

    with pytest.raises(ChannelFailedError, match="redirect is not followed"):
        sender_for("webhook", ear).send("it", message())

    assert other_ear.heard == []


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_private_addresses_are_refused_unless_listed(sender_for: MakeSender, ear: Ear, kind: str):
    with pytest.raises(ChannelForbiddenError, match="not a public address"):
        sender_for(kind, ear, alerts="").send("it", message())

    assert ear.heard == []


def test_nobody_who_listens_is_an_error(sender_for: MakeSender, ear: Ear):
    sender = sender_for("webhook", Ear(url="http://127.0.0.1:1"))

    with pytest.raises(ChannelFailedError, match="Nobody answers"):
        sender.send("it", message())


def test_an_unknown_channel_names_the_nearest(sender_for: MakeSender, ear: Ear):
    with pytest.raises(UnknownChannelError, match="Did you mean 'it'"):
        sender_for("webhook", ear).send("itt", message())


def test_a_secret_in_a_file_needs_mode_600(sender_for: MakeSender, ear: Ear, tmp_path: Path):
    secret = tmp_path / "hook-secret"
    secret.write_text("from-a-file\n", encoding="utf-8")
    secret.chmod(0o644)
    settings = 'kind = "webhook"\nurl = "{url}"\nsecret_file = "hook-secret"\n'.replace("{url}", ear.url)
    sender = Sender(settings_with(tmp_path, f"[channels.it]\n{settings}", SECRETS), SECRETS, SystemClock())

    with pytest.raises(NamedSecretError, match="may be read by others"):
        sender.send("it", message())

    secret.chmod(0o600)
    sender.send("it", message())
    moment, signature = re.fullmatch(r"t=(\d+),v1=(.+)", ear.heard[0].headers["X-Strongroom-Signature"]).groups()
    assert signature == hmac.new(b"from-a-file", f"{moment}.".encode() + ear.heard[0].body, hashlib.sha256).hexdigest()


def test_a_secret_that_is_not_there_is_a_fault_of_the_channel_alone(tmp_path: Path, ear: Ear):
    table = f'[channels.it]\nkind = "webhook"\nurl = "{ear.url}"\nsecret_env = "NOWHERE"\n'
    sender = Sender(settings_with(tmp_path, table, SECRETS), SECRETS, SystemClock())

    with pytest.raises(NamedSecretError, match="NOWHERE"):
        sender.send("it", message())


@pytest.mark.parametrize("kind", ["webhook", "alertmanager", "slack"])
@pytest.mark.parametrize("letter", ["n", "\u0437", "\U0001f525"])
def test_a_long_message_stays_under_64_kib(sender_for: MakeSender, ear: Ear, kind: str, letter: str):
    many = [subject(message=letter * 500, next_step=letter * 1000) for _ in range(MOST_SUBJECTS)]
    sender_for(kind, ear).send("it", message(*many))

    assert 1000 < len(ear.heard[0].body) <= 64 * 1024
