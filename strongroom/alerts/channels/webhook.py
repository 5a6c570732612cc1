"""The signed webhook: JSON, with a signature over the moment and the body.

Header `X-Strongroom-Signature: t=SECONDS,v1=HEX`, where HEX is HMAC-SHA-256 of `SECONDS + "." + body` under the shared
secret. Whoever receives it recomputes it, refuses moments that are minutes old, and takes a delivery id once.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from strongroom.alerts.http import HttpClient, Request, fitting
from strongroom.alerts.message import Message


def sign(secret: SecretStr, at: datetime, body: bytes) -> str:
    """Return the value of the signature's header."""
    seconds = str(int(at.timestamp()))
    code = hmac.new(secret.get_secret_value().encode(), seconds.encode() + b"." + body, hashlib.sha256)
    return f"t={seconds},v1={code.hexdigest()}"


def webhook_body(message: Message) -> bytes:
    """Return the message as JSON, with as many of the alerts as fit."""
    alerts = [subject.as_json() for subject in message.subjects]
    return fitting(alerts, lambda some: _document(message, some))


def _document(message: Message, alerts: Sequence[dict[str, Any]]) -> bytes:
    document = {
        "version": 1,
        "id": message.id,
        "reason": message.reason.value,
        "title": message.title,
        "severity": message.severity.value,
        "note": message.note,
        "alerts": alerts,
    }
    return json.dumps(document, ensure_ascii=False).encode()


def send_webhook(client: HttpClient, url: str, secret: SecretStr, message: Message, now: datetime) -> None:
    """Post the signed message; raises ChannelFailedError, ChannelForbiddenError."""
    body = webhook_body(message)
    headers = {
        "Content-Type": "application/json",
        "X-Strongroom-Signature": sign(secret, now, body),
        "X-Strongroom-Delivery": message.id,
    }
    client.send(Request(url, body, headers))
