"""Settings of the channels through which people hear of alerts."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from strongroom.settings.fields import Flag, HttpUrl, Name, Port, Section, Text
from strongroom.settings.named_secrets import NamedSecret, SecretPath, VariableName

SeverityName = Literal["low", "medium", "high", "critical"]
Minutes = Annotated[int, Field(strict=True, ge=0, le=24 * 60)]

_TEST: bool = Field(True, description="Whether a test is sent through it after a week in which nothing else was.")
_LATER = "Minutes that a critical alert has been open and unacknowledged when it is asked; 0 is at once."


def _one_line(text: str) -> str:
    if any(ord(character) < 32 for character in text):
        raise PydanticCustomError("one_line", "This has more than one line.")
    return text


def _e164(number: str) -> str:
    if not (number.startswith("+") and number[1:].isdigit() and number.isascii() and 8 <= len(number) <= 16):
        raise PydanticCustomError("number", "This is not a telephone number such as +351912345678.")
    return number


Line = Annotated[str, Field(min_length=1, max_length=320), AfterValidator(_one_line)]
PhoneNumber = Annotated[str, AfterValidator(_e164)]


class ChannelSettings(Section):
    """What all channels have in common."""

    name: Name
    kind: str
    min_severity: SeverityName = Field("medium", description="The least severity that is said through it.")
    after_minutes: Minutes = Field(0, description=_LATER)
    weekly_test: Flag = _TEST


class EmailChannelSettings(ChannelSettings):
    """Mail through an SMTP server."""

    kind: Literal["email"] = Field("email", description="What the channel is: mail.")
    host: Line = Field(description="The SMTP server.", examples=["smtp.example.com"])
    port: Port = Field(587, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection is encrypted; with `none` no password is sent."
    )
    user: Line | None = Field(None, description="User name at the server.", examples=["strongroom"])
    password_env: VariableName | None = Field(
        None, description="Variable with the password.", examples=["STRONGROOM_SMTP_PASSWORD"]
    )
    password_file: SecretPath | None = Field(
        None, description="File of mode 600 with the password.", examples=["/etc/strongroom/smtp-password"]
    )
    sender: Line = Field(description="Address the mail comes from.", examples=["strongroom@example.com"])
    to: tuple[Line, ...] = Field(min_length=1, description="Addresses it goes to.", examples=[["ops@example.com"]])

    @property
    def password(self) -> NamedSecret:
        """Return where the password is."""
        return NamedSecret("password", self.password_env, self.password_file)


class SlackChannelSettings(ChannelSettings):
    """An incoming webhook of Slack, or of what speaks its language."""

    kind: Literal["slack"] = Field("slack", description="What the channel is: an incoming webhook of Slack.")
    url_env: VariableName | None = Field(
        None, description="Variable with the address; whoever knows it may write.", examples=["STRONGROOM_SLACK_URL"]
    )
    url_file: SecretPath | None = Field(
        None, description="File of mode 600 with the address.", examples=["/etc/strongroom/slack-url"]
    )

    @property
    def url(self) -> NamedSecret:
        """Return where the address is."""
        return NamedSecret("url", self.url_env, self.url_file)


class PhoneChannelSettings(ChannelSettings):
    """What text messages and calls have in common: a gateway of Twilio's shape."""

    min_severity: SeverityName = Field("critical", description="The least severity that is said through it.")
    gateway: HttpUrl = Field("https://api.twilio.com", description="Address of the gateway, without the path.")
    account: Line = Field(description="Account at the gateway.", examples=["AC0123456789"])
    token_env: VariableName | None = Field(
        None, description="Variable with the account's token.", examples=["STRONGROOM_SMS_TOKEN"]
    )
    token_file: SecretPath | None = Field(
        None, description="File of mode 600 with the token.", examples=["/etc/strongroom/sms-token"]
    )
    sender: PhoneNumber = Field(description="Number it comes from.", examples=["+351210000000"])
    to: PhoneNumber = Field(
        description="Number it goes to; another person is another channel.", examples=["+351910000000"]
    )

    @property
    def token(self) -> NamedSecret:
        """Return where the token is."""
        return NamedSecret("token", self.token_env, self.token_file)


class SmsChannelSettings(PhoneChannelSettings):
    """Text messages through an HTTP gateway of Twilio's shape."""

    kind: Literal["sms"] = Field("sms", description="What the channel is: text messages.")
    after_minutes: Minutes = Field(5, description=_LATER)


class CallChannelSettings(PhoneChannelSettings):
    """Telephone calls through an HTTP gateway of Twilio's shape; only critical alerts make the telephone ring."""

    kind: Literal["call"] = Field("call", description="What the channel is: calls.")
    min_severity: Literal["critical"] = Field("critical", description="Calls are for critical alerts only.")
    after_minutes: Minutes = Field(15, description=_LATER)


class PagerDutyChannelSettings(ChannelSettings):
    """PagerDuty's Events API v2: triggers, acknowledges and resolves."""

    kind: Literal["pagerduty"] = Field("pagerduty", description="What the channel is: PagerDuty's Events API v2.")
    url: HttpUrl = Field("https://events.pagerduty.com", description="Address of the service, without the path.")
    routing_key_env: VariableName | None = Field(
        None, description="Variable with the integration's key.", examples=["STRONGROOM_PAGERDUTY_KEY"]
    )
    routing_key_file: SecretPath | None = Field(
        None, description="File of mode 600 with the key.", examples=["/etc/strongroom/pagerduty-key"]
    )

    @property
    def routing_key(self) -> NamedSecret:
        """Return where the key is."""
        return NamedSecret("routing_key", self.routing_key_env, self.routing_key_file)


class AlertmanagerChannelSettings(ChannelSettings):
    """Prometheus' Alertmanager, API v2, with labels to route by."""

    kind: Literal["alertmanager"] = Field("alertmanager", description="What the channel is: Alertmanager's API v2.")
    min_severity: SeverityName = Field("low", description="The least severity that is said through it.")
    url: HttpUrl = Field(description="Address of Alertmanager, without the path.", examples=["https://am.example.com"])
    token_env: VariableName | None = Field(
        None, description="Variable with a bearer token, where it wants one.", examples=["STRONGROOM_AM_TOKEN"]
    )
    token_file: SecretPath | None = Field(
        None, description="File of mode 600 with the token.", examples=["/etc/strongroom/am-token"]
    )

    @property
    def token(self) -> NamedSecret:
        """Return where the token is."""
        return NamedSecret("token", self.token_env, self.token_file)


class WebhookChannelSettings(ChannelSettings):
    """A signed JSON message to any address."""

    kind: Literal["webhook"] = Field("webhook", description="What the channel is: a signed JSON message.")
    url: HttpUrl = Field(description="Address it is posted to.", examples=["https://example.com/hooks/strongroom"])
    secret_env: VariableName | None = Field(
        None, description="Variable with the secret it is signed with.", examples=["STRONGROOM_HOOK_SECRET"]
    )
    secret_file: SecretPath | None = Field(
        None, description="File of mode 600 with the secret.", examples=["/etc/strongroom/hook-secret"]
    )

    @property
    def secret(self) -> NamedSecret:
        """Return where the secret is."""
        return NamedSecret("secret", self.secret_env, self.secret_file)


class AppriseChannelSettings(ChannelSettings):
    """Any other service through Apprise, the optional extra `alerts-apprise`."""

    kind: Literal["apprise"] = Field("apprise", description="What the channel is: a service that Apprise knows.")
    url_env: VariableName | None = Field(
        None, description="Variable with Apprise's address of the service.", examples=["STRONGROOM_APPRISE_URL"]
    )
    url_file: SecretPath | None = Field(
        None, description="File of mode 600 with the address.", examples=["/etc/strongroom/apprise-url"]
    )

    @property
    def url(self) -> NamedSecret:
        """Return where the address is."""
        return NamedSecret("url", self.url_env, self.url_file)


CHANNEL_KINDS: dict[str, type[ChannelSettings]] = {
    "email": EmailChannelSettings,
    "slack": SlackChannelSettings,
    "sms": SmsChannelSettings,
    "call": CallChannelSettings,
    "pagerduty": PagerDutyChannelSettings,
    "alertmanager": AlertmanagerChannelSettings,
    "webhook": WebhookChannelSettings,
    "apprise": AppriseChannelSettings,
}


class PingSettings(Section):
    """An address outside, compatible with healthchecks, that misses us when we fall silent."""

    name: Name
    source: Text | None = Field(
        None, description="Source whose backups it hears of; the watcher itself where none is given.", examples=["shop"]
    )
    url_env: VariableName | None = Field(
        None, description="Variable with the address; whoever knows it may ping.", examples=["SHOP_PING_URL"]
    )
    url_file: SecretPath | None = Field(
        None, description="File of mode 600 with the address.", examples=["/etc/strongroom/shop-ping-url"]
    )

    @property
    def url(self) -> NamedSecret:
        """Return where the address is."""
        return NamedSecret("url", self.url_env, self.url_file)
