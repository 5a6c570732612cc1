"""What Redis keeps of a session: text of fixed places, which the scripts write.

`created_at expires_at epoch`, and once it was used also the moment of that, and `opened` where it opened the page.
Moments are milliseconds since 1970 in 13 digits, the epoch is 16 hex digits.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_RECORD = re.compile(rb"(\d{13}) (\d{13}) ([0-9a-f]{16})(?: (\d{13})( opened)?)?")


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session as Redis knows it; its id it does not know."""

    created_at: datetime
    expires_at: datetime
    epoch: str
    used_at: datetime | None
    iframe_opened: bool

    @property
    def used(self) -> bool:
        """Say whether it was used."""
        return self.used_at is not None


def find_record(text: bytes | None) -> SessionRecord | None:
    """Return the session that a text describes; None for none, and for what no script of today wrote."""
    match = _RECORD.fullmatch(text or b"")
    if match is None:
        return None
    created_at, expires_at, epoch, used_at, opened = match.groups()
    return SessionRecord(
        _moment(created_at),
        _moment(expires_at),
        epoch.decode(),
        None if used_at is None else _moment(used_at),
        opened is not None,
    )


def _moment(milliseconds: bytes) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
