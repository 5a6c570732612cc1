"""The record of what was done to a ring: `<path>.record`, lines of JSON, each with the SHA-256 of the line before it.

Without keys, salts and rows. Who removes or changes a line breaks the chain; who cuts the end off does not: copies of
the record belong where other logs are kept.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from strongroom.clock import RandomBytes, system_random
from strongroom.columnkeys.errors import KeyRecordError
from strongroom.keyring.private_file import NotPrivateError, locked, read_private

_NO_LINE = "0" * 64


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The record beside a file of column keys."""

    ring_file: Path

    @property
    def path(self) -> Path:
        """Return where it is."""
        return self.ring_file.with_name(f"{self.ring_file.name}.record")

    def append(self, operation: str, now: datetime, event: str, **facts: str | int | Sequence[str]) -> None:
        """Add a line, synced to disk; raises KeyRecordError."""
        moment = now.astimezone(UTC).isoformat(timespec="seconds")
        said = {"operation": operation, "at": moment, "event": event, **facts}
        try:
            with locked(self.path):
                self._write(said)
        except OSError as error:
            raise KeyRecordError(
                f"The record {self.path} cannot be written: {error.strerror or error}.",
                next_step="Check who owns the file and whether there is space.",
            ) from None

    def entries(self) -> list[dict[str, Any]]:
        """Return every line, oldest first, after checking the chain; raises KeyRecordError."""
        previous, entries = _NO_LINE, []
        for number, line in enumerate(self._lines(), start=1):
            entry = _read(line)
            if entry is None or entry.get("previous") != previous:
                raise KeyRecordError(
                    f"Line {number} of the record {self.path} was changed, or one before it is missing.",
                    next_step="Compare it with the log files of the commands.",
                )
            entries.append(entry)
            previous = hashlib.sha256(line).hexdigest()
        return entries

    def of_operation(self, operation: str) -> list[dict[str, Any]]:
        """Return the lines of one operation; raises KeyRecordError."""
        return [entry for entry in self.entries() if entry.get("operation") == operation]

    def _write(self, said: Mapping[str, Any]) -> None:
        lines = self._lines()
        previous = hashlib.sha256(lines[-1]).hexdigest() if lines else _NO_LINE
        line = json.dumps({**said, "previous": previous}, ensure_ascii=False, sort_keys=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _lines(self) -> list[bytes]:
        try:
            return read_private(self.path).splitlines()
        except FileNotFoundError:
            return []
        except NotPrivateError as error:
            raise KeyRecordError(f"{self.path} is refused: {error}.", next_step="Run `chmod 600` on it.") from None


def operation_id(now: datetime, random: RandomBytes = system_random) -> str:
    """Return the name of one operation: `cleanup_20241015_143022_a1b2`."""
    return f"cleanup_{now.astimezone(UTC):%Y%m%d_%H%M%S}_{random(2).hex()}"


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
