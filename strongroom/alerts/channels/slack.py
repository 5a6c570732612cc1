"""Slack's incoming webhook: `{"text": ...}`, with the characters escaped that Slack reads as markup."""

import json

from pydantic import SecretStr

from strongroom.alerts.http import HttpClient, Request
from strongroom.alerts.message import Message

MOST_CHARACTERS = 4000
SIGNS = {"critical": ":red_circle:", "high": ":large_orange_circle:", "medium": ":large_yellow_circle:"}


def send_slack(client: HttpClient, url: SecretStr, message: Message) -> None:
    """Post the message; raises ChannelFailedError, ChannelForbiddenError."""
    sign = ":white_check_mark:" if message.resolved else SIGNS.get(message.severity.value, ":white_circle:")
    title, _, rest = _escape(message.text).partition("\n")
    body = json.dumps({"text": f"{sign} *{title}*\n{rest}"[:MOST_CHARACTERS]}).encode()
    client.send(Request(url.get_secret_value(), body, {"Content-Type": "application/json"}))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
