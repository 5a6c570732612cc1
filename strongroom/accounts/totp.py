"""Time-based one-time codes (RFC 6238), as every authenticator app makes them: SHA-1, six digits, thirty seconds."""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from strongroom.clock import RandomBytes

SECRET_BYTES = 20
STEP_SECONDS = 30
DIGITS = 6
LOOK_STEPS = 10
"""How far off a code may be for its owner to be told that a clock is wrong."""


class Match(StrEnum):
    """What a code is."""

    RIGHT = "right"
    USED = "used"
    EARLY_OR_LATE = "early_or_late"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a code is, and the time step it belongs to, where it belongs to one nearby."""

    match: Match
    step: int = 0
    seconds_off: int = 0
    """How far ahead the clock of the device is."""


def new_secret(random: RandomBytes) -> str:
    """Return 160 random bits in base32, without padding."""
    return base64.b32encode(random(SECRET_BYTES)).decode("ascii")


def provisioning_uri(secret: str, account: str, issuer: str) -> str:
    """Return the `otpauth://totp/` address that apps read from a QR code."""
    return _totp(secret).get_provisioning_uri(account, issuer)


def step_of(moment: datetime) -> int:
    """Return the time step a moment is in."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_at(secret: str, step: int) -> str:
    """Return the code of a time step."""
    return _totp(secret).generate(step * STEP_SECONDS).decode("ascii")


def look_up(secret: str, code: str, now: datetime, window: int, last: int) -> Finding:
    """Say what a code of six digits is, `window` steps around now; `last` is the newest step that was accepted.

    All codes nearby are compared, whatever is found, each in constant time.
    """
    present = step_of(now)
    totp, shown = _totp(secret), code.encode()
    near = range(max(0, present - LOOK_STEPS), present + LOOK_STEPS + 1)
    found = [step for step in near if hmac.compare_digest(totp.generate(step * STEP_SECONDS), shown)]
    inside = [step for step in found if abs(step - present) <= window]
    fresh = [step for step in inside if step > last]
    if fresh:
        return Finding(Match.RIGHT, min(fresh))
    if inside:
        return Finding(Match.USED, max(inside))
    if found:
        nearest = min(found, key=lambda step: abs(step - present))
        return Finding(Match.EARLY_OR_LATE, nearest, (nearest - present) * STEP_SECONDS)
    return Finding(Match.WRONG)


def _totp(secret: str) -> TOTP:
    # SHA-1 is what apps do; its weakness is not one of HMAC.
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303  RFC 6238 in the form apps know
