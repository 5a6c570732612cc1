"""Names of what is kept in Redis, and the ids of sessions, which are kept nowhere."""

import base64
import hashlib
import re
import uuid

from strongroom.clock import RandomBytes
from strongroom.settings import SessionIdFormat

RECORD = "auth_session:"
"""Followed by a hash of the id: whoever sees the keys can use none of the sessions."""
VISIT = "auth_visit:"
INDEX = "auth_session_idx"
USED = "auth_session_used"
STATS = "auth_stats"
EPOCH = "auth_epoch"
EPOCH_SERVER = "auth_epoch_server"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_DIGITS = 32
_SHOWN = 8


def make_id(random: RandomBytes, form: SessionIdFormat) -> str:
    """Return a new id: 256 random bits as URL-safe base64 in 43 characters, or a UUID with 122 of them."""
    if form is SessionIdFormat.UUID4:
        return str(uuid.UUID(bytes=random(16), version=4))
    return base64.urlsafe_b64encode(random(32)).rstrip(b"=").decode()


def find_digest(session_id: str) -> str | None:
    """Return what an id is known by in Redis; None where it has the form of no id at all.

    That is the first 128 bits of its SHA-256, 32 hex digits: enough that nobody finds another id with the same.
    """
    if not (_TOKEN.fullmatch(session_id) or _UUID.fullmatch(session_id)):
        return None
    return hashlib.sha256(session_id.encode()).hexdigest()[:_DIGITS]


def shown(digest: str) -> str:
    """Return what logs say of a session."""
    return digest[:_SHOWN]
