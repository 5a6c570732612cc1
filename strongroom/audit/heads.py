"""The head of the chain as it is kept in regions: one object a day, which whoever owns the catalog cannot take back.

Its name is `a/heads/<chain>/<sequence, 20 digits>.<day>.<MAC of the row>`, in digits and small hexadecimals, so
that a listing shows which row stood where on which day. Its content is JSON with sorted keys: `at`, `chain`, `format`
(`strongroom audit-head 1`), `mac`, `sequence`, and `seal`: HMAC-SHA-256 over `strongroom audit-kept-head 1`, chain,
sequence, MAC and time, framed as in `rows`. What a name says counts only if the content proves it.
"""

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from strongroom.audit.errors import KeptHeadForgedError
from strongroom.audit.rows import framed_mac, write_moment
from strongroom.storage.errors import ObjectExistsError
from strongroom.storage.store import Store

PREFIX = "a/heads/"
FORMAT = "strongroom audit-head 1"
_NAME = re.compile(r"\Aa/heads/([0-9a-f]{32})/([0-9]{20})\.([0-9]{8})\.([0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain at one moment."""

    chain: uuid.UUID
    sequence: int
    mac: bytes
    at: datetime

    @property
    def day(self) -> date:
        """Return the day of the moment, in UTC."""
        return self.at.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class HeadName:
    """What the name of a kept head says."""

    key: str
    chain: uuid.UUID
    sequence: int
    day: date
    mac: bytes


def keep_head(store: Store, key: bytes, head: Head) -> None:
    """Store a head, once; raises as Store.create does, but not where it is there already."""
    name = f"{PREFIX}{head.chain.hex}/{head.sequence:020}.{head.day:%Y%m%d}.{head.mac.hex()}"
    content = json.dumps({**_fields(head), "seal": _seal(key, head).hex()}, sort_keys=True).encode()
    try:
        store.create(name, content, sha256=hashlib.sha256(content).digest())
    except ObjectExistsError:
        # Another process was first, in the same day and with the same end of the chain.
        return


def list_heads(store: Store) -> Iterator[HeadName]:
    """Yield the heads that a region keeps, of every chain, in the order of their sequence; raises as Store.list."""
    for info in store.list(PREFIX):
        found = _NAME.match(info.key)
        if found is not None:
            chain, sequence, day, mac = found.groups()
            yield HeadName(info.key, uuid.UUID(chain), int(sequence), _read_day(day), bytes.fromhex(mac))


def verify_head(store: Store, key: bytes, name: HeadName) -> None:
    """Return if Strongroom wrote what a name says; raises KeptHeadForgedError, and as Store.get."""
    try:
        fields = json.loads(store.get(name.key))
        head = Head(name.chain, name.sequence, name.mac, datetime.fromisoformat(fields["at"]))
        seal = bytes.fromhex(fields["seal"])
    except (ValueError, KeyError, TypeError):
        raise _forged(store, name) from None
    if not hmac.compare_digest(seal, _seal(key, head)):
        raise _forged(store, name)


def _forged(store: Store, name: HeadName) -> KeptHeadForgedError:
    return KeptHeadForgedError(
        f"Region {store.region} holds {name.key}, which this installation did not write.",
        next_step="Find out who can write to the region, and delete the object.",
    )


def _fields(head: Head) -> dict[str, str | int]:
    return {
        "at": write_moment(head.at),
        "chain": str(head.chain),
        "format": FORMAT,
        "mac": head.mac.hex(),
        "sequence": head.sequence,
    }


def _seal(key: bytes, head: Head) -> bytes:
    parts = (head.chain.bytes, str(head.sequence).encode(), head.mac, write_moment(head.at).encode())
    return framed_mac(key, b"strongroom audit-kept-head 1", *parts)


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")
    except ValueError:
        # A name that nobody here wrote; its content will not prove it either.
        return date.min
