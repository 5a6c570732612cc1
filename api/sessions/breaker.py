"""Spares callers the wait for something that has just failed again and again."""

from strongroom.clock import Clock

FAILURES = 5
SECONDS = 2.0


class Breaker:
    """Opens after five failures in a row, for two seconds; then one call is let through to see. For one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0

    def lets_pass(self) -> bool:
        """Say whether a call may be tried now."""
        if self._failures < FAILURES:
            return True
        now = self._clock.monotonic()
        if now < self._open_until:
            return False
        # The one that tries; others wait for what it finds.
        self._open_until = now + SECONDS
        return True

    def succeeded(self) -> None:
        """Note that a call was answered."""
        self._failures = 0

    def failed(self) -> None:
        """Note that a call was not answered."""
        self._failures += 1
        if self._failures == FAILURES:
            self._open_until = self._clock.monotonic() + SECONDS
