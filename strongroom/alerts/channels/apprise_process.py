"""The process in which Apprise works: it ends when its time is up, and what Apprise writes to its logs goes nowhere.

Apprise puts the address of a service, which is the secret, into its log, and bounds the wait for a byte and not for all
of an answer. The address and the message come as JSON on standard input; how it went is the status of the process.
"""

import importlib
import json
import sys
from enum import IntEnum
from typing import Any


class Outcome(IntEnum):
    """What the status of the process means; any other one is a failure nobody foresaw."""

    DELIVERED = 0
    UNKNOWN_ADDRESS = 3
    NOT_DELIVERED = 4


def main() -> None:
    """Read one message and deliver it."""
    sys.exit(deliver(importlib.import_module("apprise").Apprise(), json.load(sys.stdin)))


def deliver(service: Any, asked: dict[str, str]) -> Outcome:
    """Hand the message to Apprise."""
    if not service.add(asked.pop("url")):
        return Outcome.UNKNOWN_ADDRESS
    return Outcome.DELIVERED if service.notify(**asked) else Outcome.NOT_DELIVERED


if __name__ == "__main__":
    main()
