"""Any other service through Apprise: an optional extra, and the address of the service is the secret."""

import importlib
from typing import Any

from pydantic import SecretStr

from strongroom.alerts.errors import ChannelFailedError, ExtraMissingError
from strongroom.alerts.message import Message

TYPES = {"critical": "failure", "high": "failure", "medium": "warning", "low": "info"}


def send_apprise(url: SecretStr, message: Message) -> None:
    """Hand the message to Apprise; raises ChannelFailedError, ExtraMissingError."""
    service = _load().Apprise()
    if not service.add(url.get_secret_value()):
        raise ChannelFailedError("Apprise does not know this address.", next_step="See the list of services it knows.")
    kind = "success" if message.resolved else TYPES[message.severity.value]
    if not service.notify(title=message.title, body=message.text, notify_type=kind):
        raise ChannelFailedError("Apprise could not deliver it.", next_step="Try it with `strongroom alerts test`.")


def _load() -> Any:
    try:
        return importlib.import_module("apprise")
    except ImportError:
        raise ExtraMissingError(
            "Channels of kind apprise need the optional extra.", next_step="pip install 'strongroom[alerts-apprise]'"
        ) from None
