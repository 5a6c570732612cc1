"""Sending one message through one channel, whatever its kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from strongroom.alerts.channels.alertmanager import send_alertmanager
from strongroom.alerts.channels.apprise import send_apprise
from strongroom.alerts.channels.mail import send_mail, send_to_one
from strongroom.alerts.channels.pagerduty import send_pagerduty
from strongroom.alerts.channels.phone import make_call, send_sms
from strongroom.alerts.channels.slack import send_slack
from strongroom.alerts.channels.webhook import send_webhook
from strongroom.alerts.errors import ChannelFailedError
from strongroom.alerts.http import HttpClient
from strongroom.alerts.message import Message
from strongroom.alerts.network import Guard
from strongroom.clock import Clock
from strongroom.errors import StrongroomError
from strongroom.settings import Settings
from strongroom.settings.channels import (
    AlertmanagerChannelSettings,
    AppriseChannelSettings,
    CallChannelSettings,
    ChannelSettings,
    EmailChannelSettings,
    PagerDutyChannelSettings,
    PhoneChannelSettings,
    SlackChannelSettings,
    WebhookChannelSettings,
)

KEYED = frozenset({"pagerduty", "alertmanager"})
"""Kinds that keep alerts apart by their own keys: they get every alert by itself, and hear of acknowledgements."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Knows the channels of the settings and where their secrets are; reads a secret when it is needed."""

    settings: Settings
    env: Mapping[str, str]
    clock: Clock

    @property
    def client(self) -> HttpClient:
        """Return the client of HTTP channels."""
        return HttpClient(Guard(self.settings.alerts.private_networks))

    def send(self, name: str, message: Message, recipient: str | None = None) -> str | None:
        """Send a message and say whom it does not reach, if it reaches others; with `recipient`, to that person alone.

        Raises a StrongroomError whatever goes wrong, with no secret in it.
        """
        channel = self.settings.get_channel(name)
        try:
            return self._send(channel, message, recipient)
        except StrongroomError:
            raise
        except Exception as error:
            # A channel that behaves in a way nobody foresaw must not keep the others from being asked.
            raise ChannelFailedError(
                f"Channel {name} failed unexpectedly ({type(error).__name__}).", next_step="Report this."
            ) from None

    def _send(self, channel: ChannelSettings, message: Message, recipient: str | None) -> str | None:
        now = self.clock.now()
        match channel:
            case EmailChannelSettings():
                return self._mail(channel, message, recipient)
            case SlackChannelSettings():
                send_slack(self.client, channel.url.read(self.env), message)
            case PhoneChannelSettings():
                self._phone(channel)(self.client, channel, channel.token.read(self.env), message)
            case PagerDutyChannelSettings():
                send_pagerduty(self.client, channel.url, channel.routing_key.read(self.env), message)
            case AlertmanagerChannelSettings():
                token = channel.token.read(self.env) if channel.token.given else None
                send_alertmanager(self.client, channel.url, token, message, now)
            case WebhookChannelSettings():
                send_webhook(self.client, channel.url, channel.secret.read(self.env), message, now)
            case AppriseChannelSettings():
                send_apprise(channel.url.read(self.env), message)
        return None

    def _mail(self, channel: EmailChannelSettings, message: Message, recipient: str | None) -> str | None:
        password = channel.password.read(self.env) if channel.user else None
        if recipient is not None:
            send_to_one(channel, password, message, self.clock.now(), recipient)
            return None
        refused = send_mail(channel, password, message, self.clock.now())
        return f"{channel.host} does not take mail for {', '.join(refused)}." if refused else None

    def _phone(self, channel: PhoneChannelSettings) -> Callable[..., None]:
        return make_call if isinstance(channel, CallChannelSettings) else send_sms
