"""Prometheus' Alertmanager, API v2: labels that identify an alert, annotations for people, and when it ended.

Alertmanager forgets an alert that is not sent again; `endsAt` lies a day ahead of what is still open, past any repeat.
"""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from strongroom.alerts.http import HttpClient, Request, fitting
from strongroom.alerts.message import Message, Subject
from strongroom.catalog.alerts import NoticeReason, Severity

OPEN_FOR = timedelta(hours=25)


def send_alertmanager(client: HttpClient, url: str, token: SecretStr | None, message: Message, now: datetime) -> None:
    """Post the alerts of a message; raises ChannelFailedError, ChannelForbiddenError."""
    body = _body(message, now)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token.get_secret_value()}"
    client.send(Request(f"{url}/api/v2/alerts", body, headers))


def _body(message: Message, now: datetime) -> bytes:
    """Return as many of the alerts as fit, each with the end of what it was before it got worse."""
    alerts = [_alert(message, subject, now) for subject in message.subjects]
    # To Alertmanager its labels are the alert, so that one which got worse is another one, and the first has to end.
    if message.reason in (NoticeReason.RAISED, NoticeReason.RESOLVED):
        lesser = [_lesser(subject, severity) for subject in message.subjects for severity in _below(subject)]
        alerts += [_alert(message, subject, now) for subject in lesser]
    return fitting(alerts, lambda some: json.dumps(some, ensure_ascii=False).encode())


def _below(subject: Subject) -> list[Severity]:
    return [severity for severity in Severity if severity.rank < Severity(subject.severity).rank]


def _lesser(subject: Subject, severity: Severity) -> Subject:
    return replace(subject, severity=severity.value, resolved=True)


def _alert(message: Message, subject: Subject, now: datetime) -> dict[str, Any]:
    labels = {
        "alertname": subject.cause,
        "type": subject.type,
        "source": subject.source,
        "region": subject.region,
        "policy": subject.policy,
    }
    ends = now if subject.resolved else now + OPEN_FOR
    return {
        "labels": {
            **{name: value for name, value in labels.items() if value},
            "severity": subject.severity,
            "service": "strongroom",
        },
        "annotations": {"summary": message.title, "description": subject.next_step, "runbook": subject.runbook},
        "startsAt": subject.since,
        "endsAt": ends.isoformat(),
        **({"generatorURL": subject.link} if subject.link else {}),
    }
