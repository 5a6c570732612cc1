"""Text messages and calls through a gateway of Twilio's shape: a form, with account and token as the login."""

import base64
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from pydantic import SecretStr

from strongroom.alerts.http import HttpClient, Request
from strongroom.alerts.message import Message
from strongroom.settings.channels import PhoneChannelSettings

MOST_CHARACTERS = 480
"""Three parts of a text message."""


def send_sms(client: HttpClient, channel: PhoneChannelSettings, token: SecretStr, message: Message) -> None:
    """Send the message as text; raises ChannelFailedError, ChannelForbiddenError."""
    _post(client, channel, token, "Messages.json", {"Body": short(message)[:MOST_CHARACTERS]})


def make_call(client: HttpClient, channel: PhoneChannelSettings, token: SecretStr, message: Message) -> None:
    """Have the telephone ring and the title read out twice; raises ChannelFailedError, ChannelForbiddenError."""
    said = f"<Say>{escape(message.title[:300])}</Say>"
    _post(client, channel, token, "Calls.json", {"Twiml": f'<Response>{said}<Pause length="2"/>{said}</Response>'})


def short(message: Message) -> str:
    """Return what fits a small screen: the title, and how to acknowledge."""
    if message.resolved or len(message.subjects) != 1:
        return message.title
    return f"{message.title}. Ack: strongroom alerts ack {message.subjects[0].id}"


def _post(
    client: HttpClient, channel: PhoneChannelSettings, token: SecretStr, what: str, fields: dict[str, str]
) -> None:
    login = base64.b64encode(f"{channel.account}:{token.get_secret_value()}".encode()).decode()
    form = urlencode({"From": channel.sender, "To": channel.to, **fields}).encode()
    url = f"{channel.gateway}/2010-04-01/Accounts/{quote(channel.account, safe='')}/{what}"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {login}"}
    client.send(Request(url, form, headers))
