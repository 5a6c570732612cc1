"""Where output goes: data to stdout, messages to stderr, JSON or words."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

_ESCAPED_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


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
        _write(sys.stdout, json.dumps(value, indent=2, ensure_ascii=False))

    def event(self, message_type: str, **fields: Any) -> None:
        """Print one line of JSON; readers skip types and fields they do not know."""
        _write(sys.stdout, json.dumps({"message_type": message_type, **fields}, ensure_ascii=False))

    def line(self, text: str) -> None:
        """Print a line of the answer."""
        _write(sys.stdout, text)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table; columns whose name begins with `#` hold figures and stand to the right."""
        cells = [
            [column.lstrip("#") for column in columns],
            *[[cell.replace("\n", " ") for cell in row] for row in rows],
        ]
        widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
        for row in cells:
            padded = (_pad(cell, width, column) for cell, width, column in zip(row, widths, columns, strict=True))
            _write(sys.stdout, "  ".join(padded).rstrip())

    def say(self, text: str) -> None:
        """Print a message, unless the call is quiet or in JSON."""
        if not (self.quiet or self.json):
            _write(sys.stderr, text)

    def warn(self, text: str) -> None:
        """Print something the operator should know even in a quiet call."""
        if self.json:
            _write(sys.stderr, json.dumps({"message_type": "warning", "message": text}, ensure_ascii=False))
        else:
            _write(sys.stderr, f"Warning: {text}")

    def detail(self, text: str) -> None:
        """Print what only a verbose call wants to know."""
        if self.verbose:
            self.say(text)


def _pad(cell: str, width: int, column: str) -> str:
    return cell.rjust(width) if column.startswith("#") else cell.ljust(width)


def _write(stream: TextIO, text: str) -> None:
    # Names of files need not be UTF-8, and a terminal may not be either: what cannot be shown is escaped.
    # Control characters in them could rewrite what the terminal shows.
    encoding = stream.encoding or "utf-8"
    text = text.translate(_ESCAPED_CONTROLS)
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
