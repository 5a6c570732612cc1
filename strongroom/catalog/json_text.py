"""JSON as every database takes it."""

import json
import re
from typing import Any

LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def write_json(value: Any) -> str:
    r"""Return the value as JSON; a byte of a file name that is not UTF-8 is written as it is shown, for example \xff.

    Python keeps such a byte as half a surrogate pair, which PostgreSQL refuses even when it is escaped.
    """
    return LONE_SURROGATE.sub(_show_byte, json.dumps(value, ensure_ascii=False))


def _show_byte(match: re.Match[str]) -> str:
    return rf"\\x{ord(match[0]) & 0xFF:02x}"
