"""The root of every error Strongroom raises, and the exit codes they end in.

A message says what happened, to what, and what to do next. It never carries key bytes, passwords, tokens or row data.
Capabilities derive their own errors from the categories here; the categories decide the exit code and the HTTP status.
"""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a `strongroom` command ends with; scripts may rely on these numbers."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    PARTIAL = 3
    UNHEALTHY = 4
    NOT_FOUND = 10
    BUSY = 11
    CANNOT_DECRYPT = 12
    NOT_ALLOWED = 13
    DEPENDENCY_DOWN = 14
    INTEGRITY = 15
    INTERRUPTED = 130


class StrongroomError(Exception):
    """Something failed and no narrower class fits."""

    code: ClassVar[str] = "strongroom.failure"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[ExitCode] = ExitCode.FAILURE
    retry_after: int | None = None
    """Seconds after which the same call may succeed, where that is known."""

    def __init__(self, what: str, *, next_step: str, **details: str | int) -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step
        self.details = details

    def __str__(self) -> str:
        return f"{self.what} {self.next_step}"


class InvalidInputError(StrongroomError):
    """The caller asked for something that cannot be done as written."""

    code = "strongroom.invalid_input"
    exit_code = ExitCode.USAGE


class NotFoundError(StrongroomError):
    """The named thing does not exist."""

    code = "strongroom.not_found"
    exit_code = ExitCode.NOT_FOUND


class ConflictError(StrongroomError):
    """Somebody else holds it, or it already exists with other content."""

    code = "strongroom.conflict"
    exit_code = ExitCode.BUSY


class CannotDecryptError(StrongroomError):
    """The key at hand does not open this data."""

    code = "strongroom.cannot_decrypt"
    exit_code = ExitCode.CANNOT_DECRYPT


class NotAllowedError(StrongroomError):
    """The caller, or the process, lacks the permission."""

    code = "strongroom.not_allowed"
    exit_code = ExitCode.NOT_ALLOWED


class UnavailableError(StrongroomError):
    """Something Strongroom depends on did not answer; the same call may succeed later."""

    code = "strongroom.unavailable"
    retryable = True
    exit_code = ExitCode.DEPENDENCY_DOWN


class IntegrityError(StrongroomError):
    """Stored bytes are not the bytes that were written."""

    code = "strongroom.integrity"
    exit_code = ExitCode.INTEGRITY
