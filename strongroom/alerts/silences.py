"""Silences: hearing nothing about some alerts for a time, with a reason and an end. Checks go on meanwhile."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.alerts.errors import BadSilenceError, SilenceNotFoundError
from strongroom.catalog.alert_messages import AlertSilence
from strongroom.catalog.alerts import Alert, AlertEvent
from strongroom.clock import RandomBytes, system_random
from strongroom.ids import id_at

LONGEST = timedelta(days=7)
LONGEST_FOR_DEAD_MAN = timedelta(hours=24)
DEAD_MAN = frozenset({"beat.silent", "workers.silent", "broker.silent", "catalog.down", "level.missed"})
"""What says that nothing happens at all; nobody may go without hearing of it for longer than a day."""
FIELDS = ("type", "severity", "cause", "source", "region", "policy", "id")
NARROW = frozenset(FIELDS) - {"type", "severity"}
"""What one thing is silenced by; types and severities alone silence everything of a kind."""
GUARDS = ("accounts.", "audit.", "sessions.reused", "token.reuse")
"""What tells of somebody who is where they should not be: whoever that is would silence it first."""
_WILD = re.compile(r"[*?\[]")
_SHORTEST_BEGINNING = 3


@dataclass(frozen=True, slots=True)
class SilenceRequest:
    """What somebody wishes not to hear of; the matcher maps fields to patterns with `*` and `?`, all have to match."""

    matcher: Mapping[str, str]
    reason: str
    seconds: float
    by: str


def add_silence(
    session: Session, request: SilenceRequest, now: datetime, random: RandomBytes = system_random
) -> AlertSilence:
    """Begin a silence now; raises BadSilenceError."""
    verify_silence(request)
    silence = AlertSilence(
        id=id_at(now, random),
        matcher=dict(request.matcher),
        reason=request.reason.strip()[:500],
        created_by=request.by[:120],
        created_at=now,
        ends_at=now + timedelta(seconds=request.seconds),
    )
    session.add(silence)
    _note(session, silence, "silenced", now, request.by, random)
    return silence


def end_silence(
    session: Session, silence_id: uuid.UUID, by: str, now: datetime, random: RandomBytes = system_random
) -> AlertSilence:
    """End a silence before its time; raises SilenceNotFoundError."""
    silence = session.get(AlertSilence, silence_id)
    if silence is None or silence.ends_at <= now:
        raise SilenceNotFoundError(
            f"There is no silence {silence_id} in force.", next_step="List them: strongroom alerts silence --list"
        )
    silence.ends_at, silence.ended_by = now, by[:120]
    _note(session, silence, "unsilenced", now, by, random)
    return silence


def turns_alerts_off(matcher: Mapping[str, str]) -> bool:
    """Say whether a silence would keep everything quiet, everything of a type or severity, or what guards the way in.

    A pattern that begins with fewer than three characters of a name narrows nothing down.
    """
    if any(field in NARROW - {"cause"} and _names(pattern) for field, pattern in matcher.items()):
        return False
    cause = matcher.get("cause", "*")
    return not _names(cause) or _may_be_of_a_guard(cause)


def _may_be_of_a_guard(pattern: str) -> bool:
    beginning = _WILD.split(pattern, maxsplit=1)[0]
    return any(guard.startswith(beginning) or beginning.startswith(guard) for guard in GUARDS)


def _names(pattern: str) -> bool:
    literal = _WILD.split(pattern, maxsplit=1)[0]
    return literal == pattern or len(literal) >= _SHORTEST_BEGINNING


def list_silences(session: Session, now: datetime) -> Sequence[AlertSilence]:
    """Return the silences that are in force, the one that ends first first."""
    query = select(AlertSilence).where(AlertSilence.ends_at > now).order_by(AlertSilence.ends_at)
    return session.scalars(query).all()


def is_silenced_by(alert: Alert, silence: AlertSilence, now: datetime) -> bool:
    """Say whether a silence keeps an alert quiet now."""
    until = silence.ends_at
    if alert.cause in DEAD_MAN:
        until = min(until, silence.created_at + LONGEST_FOR_DEAD_MAN)
    return now < until and all(_matches(alert, field, pattern) for field, pattern in silence.matcher.items())


def _matches(alert: Alert, field: str, pattern: str) -> bool:
    value = getattr(alert, field)
    return value is not None and fnmatchcase(str(getattr(value, "value", value)), pattern)


def verify_silence(request: SilenceRequest) -> None:
    """Look at what somebody wishes before anybody is asked for a code; raises BadSilenceError."""
    unknown = sorted(set(request.matcher) - set(FIELDS))
    if unknown or not request.matcher:
        what = f"A silence cannot match by {', '.join(unknown)}." if unknown else "A silence has to match something."
        raise BadSilenceError(what, next_step=f"Match by one or more of {', '.join(FIELDS)}.")
    if not request.reason.strip():
        raise BadSilenceError("A silence needs a reason.", next_step="Say why, for those who find it.")
    if not 0 < request.seconds <= LONGEST.total_seconds():
        raise BadSilenceError(
            "A silence lasts 7 days at most.", next_step="Give a shorter time, and renew it if need be."
        )
    pattern = request.matcher.get("cause")
    named = pattern is not None and any(fnmatchcase(cause, pattern) for cause in DEAD_MAN)
    if named and request.seconds > LONGEST_FOR_DEAD_MAN.total_seconds():
        raise BadSilenceError(
            "The dead-man's switch is silenced for 24 hours at most.", next_step="Give 24 hours or less, or match less."
        )


def _note(session: Session, silence: AlertSilence, what: str, now: datetime, by: str, random: RandomBytes) -> None:
    match = ", ".join(f"{field}={pattern}" for field, pattern in silence.matcher.items())
    event = AlertEvent(id=id_at(now, random), silence_id=silence.id, at=now, what=what, actor=by[:120])
    event.detail = f"{match}: {silence.reason}"[:500]
    session.add(event)
