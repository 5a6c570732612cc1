"""Where output goes: data to stdout, messages to stderr, JSON or words."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

_CONTROLS = [code for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"]
_TURNING = (0x061C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""They end lines, or turn the direction of writing."""
_ESCAPED = {code: f"\\x{code:02x}" for code in _CONTROLS} | {code: f"\\u{code:04x}" for code in _TURNING}
_ESCAPED_IN_JSON = {code: f"\\u{code:04x}" for code in (*_CONTROLS, *_TURNING)}


@dataclass(frozen=True, slots=True)
class Screen:
    """The two streams of a call and how to write to them. Only progress bars have colours, unless NO_COLOR is set."""

    json: bool = False
    quiet: bool = False
    verbose: int = 0

    @property
    def interactive(self) -> bool:
        """Say whether progress may be drawn."""
        return sys.stderr.isatty() and not (self.json or self.quiet)

    def document(self, value: Any) -> None:
        """Print one JSON document as the whole answer."""
        write(sys.stdout, as_json(value, sys.stdout, indent=2))

    def event(self, message_type: str, **fields: Any) -> None:
        """Print one line of JSON; readers skip types and fields they do not know."""
        write(sys.stdout, as_json({"message_type": message_type, **fields}, sys.stdout))

    def line(self, text: str) -> None:
        """Print a line of the answer."""
        write(sys.stdout, text)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table; columns whose name begins with `#` hold figures and stand to the right."""
        cells = [
            [column.lstrip("#") for column in columns],
            *[[cell.replace("\n", " ") for cell in row] for row in rows],
        ]
        widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
        for row in cells:
            padded = (_pad(cell, width, column) for cell, width, column in zip(row, widths, columns, strict=True))
            write(sys.stdout, "  ".join(padded).rstrip())

    def say(self, text: str) -> None:
        """Print a message, unless the call is quiet or in JSON."""
        if not (self.quiet or self.json):
            write(sys.stderr, text)

    def warn(self, text: str) -> None:
        """Print something the operator should know even in a quiet call."""
        if self.json:
            write(sys.stderr, as_json({"message_type": "warning", "message": text}, sys.stderr))
        else:
            write(sys.stderr, f"Warning: {text}")

    def detail(self, text: str) -> None:
        """Print what only a verbose call wants to know."""
        if self.verbose:
            self.say(text)


def _pad(cell: str, width: int, column: str) -> str:
    return cell.rjust(width) if column.startswith("#") else cell.ljust(width)


def as_json(value: Any, stream: TextIO, indent: int | None = None) -> str:
    """Return JSON that a stream can take, and that does nothing to a terminal."""
    # Escaped here, where it can still be done as JSON does it.
    text = json.dumps(value, indent=indent, ensure_ascii=not _takes_everything(stream))
    return text.translate(_ESCAPED_IN_JSON)


def _takes_everything(stream: TextIO) -> bool:
    return (stream.encoding or "utf-8").lower().startswith("utf")


def write(stream: TextIO, text: str) -> None:
    """Write text, and the end of its line, so that it can be shown and does nothing to a terminal.

    Messages on stderr that cannot be written are lost, and all after them; raises OSError for any other stream.
    """
    # Names of files need not be UTF-8, and a terminal may not be either: what cannot be shown is escaped.
    # Control characters in them could rewrite what the terminal shows.
    encoding = stream.encoding or "utf-8"
    text = text.translate(_ESCAPED)
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except OSError:
        if stream is not sys.stderr:
            raise
        # What was asked for is done all the same.
        discard(stream)


def discard(stream: TextIO) -> None:
    """Have nothing of a stream written from now on, nor what waits in it and would be complained of at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
