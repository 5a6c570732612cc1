"""PagerDuty's Events API v2: one event for each alert, with our deduplication key as theirs."""

import json
from typing import Any

from pydantic import SecretStr

from strongroom.alerts.http import HttpClient, Request
from strongroom.alerts.message import Message, Subject
from strongroom.catalog.alerts import Severity

SEVERITIES = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "info",
}


def send_pagerduty(client: HttpClient, url: str, key: SecretStr, message: Message) -> None:
    """Trigger, acknowledge or resolve each alert; raises ChannelFailedError, ChannelForbiddenError."""
    for subject in message.subjects:
        body = json.dumps(_event(message, subject, key)).encode()
        client.send(Request(f"{url}/v2/enqueue", body, {"Content-Type": "application/json"}))


def _event(message: Message, subject: Subject, key: SecretStr) -> dict[str, Any]:
    action = "resolve" if subject.resolved else "acknowledge" if subject.state == "acknowledged" else "trigger"
    event: dict[str, Any] = {
        "routing_key": key.get_secret_value(),
        "event_action": action,
        "dedup_key": subject.dedup_key,
    }
    if action != "trigger":
        return event
    return event | {
        "payload": {
            "summary": message.title[:1024],
            "source": subject.source or subject.region or "strongroom",
            "severity": SEVERITIES[Severity(subject.severity)],
            "timestamp": subject.since,
            "component": subject.cause,
            "class": subject.type,
            "custom_details": subject.as_json(),
        },
        "links": [{"href": subject.link, "text": "Strongroom"}] if subject.link else [],
    }
