"""Prometheus' Alertmanager, API v2: labels that identify an alert, annotations for people, and when it ended.

Alertmanager forgets an alert that is not sent again; `endsAt` lies a day ahead of what is still open, past any repeat.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from strongroom.alerts.http import HttpClient, Request
from strongroom.alerts.message import Message, Subject

OPEN_FOR = timedelta(hours=25)


def send_alertmanager(client: HttpClient, url: str, token: SecretStr | None, message: Message, now: datetime) -> None:
    """Post the alerts of a message; raises ChannelFailedError, ChannelForbiddenError."""
    body = json.dumps([_alert(message, subject, now) for subject in message.subjects]).encode()
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token.get_secret_value()}"
    client.send(Request(f"{url}/api/v2/alerts", body, headers))


def _alert(message: Message, subject: Subject, now: datetime) -> dict[str, Any]:
    labels = {"alertname": subject.cause, "type": subject.type, "source": subject.source, "region": subject.region}
    ends = now if subject.resolved else now + OPEN_FOR
    return {
        "labels": {
            **{name: value for name, value in labels.items() if value},
            # The severity is left out of what identifies an alert nowhere else, so it is the one it was opened with.
            "severity": subject.severity,
            "service": "strongroom",
        },
        "annotations": {"summary": message.title, "description": subject.next_step, "runbook": subject.runbook},
        "startsAt": subject.since,
        "endsAt": ends.isoformat(),
        **({"generatorURL": subject.link} if subject.link else {}),
    }
