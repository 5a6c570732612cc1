"""Any other service through Apprise: an optional extra, and the address of the service is the secret."""

import importlib.util
import json
import subprocess
import sys

from pydantic import SecretStr

from strongroom.alerts.channels.apprise_process import Outcome
from strongroom.alerts.errors import BadAddressError, ChannelFailedError, ExtraMissingError
from strongroom.alerts.message import Message

SECONDS = 20.0
"""For everything, the start of its process included."""
TYPES = {"critical": "failure", "high": "failure", "medium": "warning", "low": "info"}
_PROGRAM = "from strongroom.alerts.channels.apprise_process import main; main()"


def send_apprise(url: SecretStr, message: Message) -> None:
    """Hand the message to Apprise; raises ChannelFailedError, BadAddressError, ExtraMissingError."""
    if importlib.util.find_spec("apprise") is None:
        raise ExtraMissingError(
            "Channels of kind apprise need the optional extra.", next_step="pip install 'strongroom[alerts-apprise]'"
        )
    kind = "success" if message.resolved else TYPES[message.severity.value]
    asked = {"url": url.get_secret_value(), "title": message.title, "body": message.text, "notify_type": kind}
    outcome = _run(json.dumps(asked).encode())
    if outcome == Outcome.UNKNOWN_ADDRESS:
        raise BadAddressError("Apprise does not know this address.", next_step="See the list of services it knows.")
    if outcome != Outcome.DELIVERED:
        raise ChannelFailedError("Apprise could not deliver it.", next_step="Try it with `strongroom alerts test`.")


def _run(asked: bytes) -> int:
    # It keeps the caller's environment, in which the proxies and certificates of this machine may be named.
    command = [sys.executable, "-P", "-c", _PROGRAM]
    try:
        done = subprocess.run(
            command, input=asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        what = f"Apprise took longer than {SECONDS:.0f} s."
        raise ChannelFailedError(what, next_step="See whether the service works.") from None
    return done.returncode
