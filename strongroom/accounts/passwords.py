"""Passwords as argon2id hashes; a name that is nobody's costs as much time as one that is somebody's."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from strongroom.accounts.errors import PasswordsBusyError, PasswordTooWeakError
from strongroom.clock import RandomBytes

LEAST_CHARACTERS = 12
MOST_BYTES = 1024
SALT_BYTES = 16
MOST_WAITING = 16
"""Logins that wait for their turn; each keeps a thread, and requests of all kinds share these."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs: memory in KiB, passes over it, lanes. OWASP's first choice of argon2id."""

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


class Passwords:
    """Makes and checks hashes, two at a time, so that logins cannot take the machine's memory."""

    def __init__(
        self, random: RandomBytes, cost: Cost | None = None, at_once: int = 2, waiting: int = MOST_WAITING
    ) -> None:
        cost = cost or Cost()
        self._random = random
        self._hasher = PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes)
        self._slots = threading.BoundedSemaphore(at_once)
        self._room = threading.BoundedSemaphore(at_once + waiting)
        self._nobody = self.hash(random(24).hex())

    def __repr__(self) -> str:
        return "Passwords(hidden)"

    def hash(self, password: str) -> str:
        """Return the hash in PHC form; raises PasswordTooWeakError for less than 12 characters or over 1,024 bytes."""
        if len(password) < LEAST_CHARACTERS or len(_encoded(password)) > MOST_BYTES:
            raise PasswordTooWeakError(
                f"A password has at least {LEAST_CHARACTERS} characters and at most {MOST_BYTES} bytes.",
                next_step="Choose another one; four or five random words are easy to keep.",
            )
        with self._slots:
            return self._hasher.hash(_encoded(password), salt=self._random(SALT_BYTES))

    def matches(self, known: str | None, password: str) -> bool:
        """Say whether it is the password of a hash; without one the same is calculated, in vain."""
        data = _encoded(password)
        if len(data) > MOST_BYTES:
            known, data = None, b""
        with self._slots:
            try:
                self._hasher.verify(known or self._nobody, data)
            except (VerificationError, InvalidHashError):
                return False
        return known is not None

    @contextmanager
    def room(self) -> Iterator[None]:
        """Be one of those whose password is looked at, or waits for that; raises PasswordsBusyError at once."""
        if not self._room.acquire(blocking=False):
            raise PasswordsBusyError(
                "Very many people, or somebody very often, are logging in.", next_step="Try again in some seconds."
            )
        try:
            yield
        finally:
            self._room.release()

    def is_outdated(self, known: str) -> bool:
        """Say whether a hash was made at another cost than new ones are."""
        return self._hasher.check_needs_rehash(known)


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
