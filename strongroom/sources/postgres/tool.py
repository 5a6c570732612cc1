"""Running a PostgreSQL program as a child process, and keeping what it complains about."""

import contextlib
import os
import re
import select
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import IO, Self

from strongroom.tracing import carried

_KEPT_LINES = 6
_LINE_LENGTH = 300
_STOP_SECONDS = 10.0
_CHECK_SECONDS = 1.0
# Only the program's own words: the server's DETAIL and CONTEXT lines quote rows.
_OWN_WORDS = re.compile(r"^(pg_dump|pg_dumpall|pg_restore|psql(:<stdin>:\d+)?): ")
_QUOTES_COMMAND = re.compile(r"Command was:|LINE \d+:")
_QUOTED_VALUE = re.compile(r'(invalid input syntax for [^:]*|invalid value|value|out of range): ".*')


class Tool:
    """A running PostgreSQL program, in its own session so that Ctrl-C reaches only Strongroom.

    Leaving the `with` ends it, with SIGTERM first: then it cancels its query on the server. A program that goes on
    after errors may have one kind of error forgiven, by its text; any other ends it.
    """

    def __init__(
        self, command: Sequence[str], environment: dict[str, str], *, reads: bool = False, forgiving: str = ""
    ) -> None:
        self._forgiving = forgiving
        self._forgiven = 0
        self._has_failed = False
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if reads else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            bufsize=0,
            start_new_session=True,
        )
        self._complaints: deque[str] = deque(maxlen=_KEPT_LINES)
        self._listener = threading.Thread(target=carried(self._listen), name="postgres-tool-messages", daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    @property
    def output(self) -> int:
        """The descriptor to read the program's output from."""
        return _pipe(self._process.stdout).fileno()

    def wait_for_output(self, check: Callable[[], None]) -> None:
        """Return when there is output to read, or none will come; calls check every second until then."""
        while not _is_ready(self.output, select.POLLIN):
            check()

    def feed(self, data: memoryview, check: Callable[[], None]) -> bool:
        """Give bytes to the program; False if it reads no more. Calls check every second while it is busy."""
        descriptor = _pipe(self._process.stdin).fileno()
        os.set_blocking(descriptor, False)
        written = 0
        while written < len(data) and not self._has_failed:
            try:
                written += os.write(descriptor, data[written:])
            except BlockingIOError:
                _is_ready(descriptor, select.POLLOUT)
                check()
            except BrokenPipeError:
                return False
        return not self._has_failed

    def end_input(self) -> None:
        """Tell the program that there is no more."""
        # Closing flushes nothing here, yet reports a reader that is gone.
        with contextlib.suppress(BrokenPipeError):
            _pipe(self._process.stdin).close()

    def wait(self, check: Callable[[], None]) -> int:
        """Return the exit status, 0 if all errors were forgiven; calls check every second until then."""
        while True:
            if self._has_failed:
                self._signal(signal.SIGTERM)
            try:
                status = self._process.wait(_CHECK_SECONDS)
            except subprocess.TimeoutExpired:
                check()
            else:
                self._listener.join()
                return 0 if self._is_forgiven(status) else status

    def complaints(self) -> str:
        """Return the last messages of the program, without rows and commands; complete after `wait`."""
        return "; ".join(self._complaints) or "it gave no reason"

    def _signal(self, number: int) -> None:
        """Reach the children of the program as well."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _is_forgiven(self, status: int) -> bool:
        return status == 1 and self._forgiven > 0 and not self._has_failed

    def _listen(self) -> None:
        for line in _pipe(self._process.stderr):
            text = line.decode("utf-8", "replace").strip()
            if self._forgiving and self._forgiving in text:
                self._forgiven += 1
            elif _OWN_WORDS.match(text) and not _QUOTES_COMMAND.search(text):
                self._complaints.append(_QUOTED_VALUE.sub(r"\1: (hidden)", text)[:_LINE_LENGTH])
                self._has_failed |= bool(self._forgiving) and ": error: " in text


def _is_ready(descriptor: int, event: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, event)
    return bool(poll.poll(_CHECK_SECONDS * 1000))


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the program was started without this pipe")
    return pipe
