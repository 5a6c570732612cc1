"""Measuring the phases of a drill, and telling the job how far it is."""

from collections.abc import Iterator
from contextlib import contextmanager

from strongroom.clock import Clock
from strongroom.drills.findings import Findings
from strongroom.jobs.context import JobContext
from strongroom.jobs.progress import JobProgress


class Stopwatch:
    """Notes in the findings how long each phase took; also one that ended in an error."""

    def __init__(self, clock: Clock, context: JobContext, findings: Findings) -> None:
        self.findings = findings
        self.check = context.check
        self._clock = clock
        self._context = context
        self._phase = ""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what is done in the block."""
        self._phase = name
        self.report(0, 0)
        began = self._clock.monotonic()
        try:
            yield
        finally:
            spent = self._clock.monotonic() - began
            self.findings.phases[name] = self.findings.phases.get(name, 0.0) + spent

    def report(self, done_bytes: int, files: int) -> None:
        """Show how far the phase is; raises what ends the attempt."""
        self._context.check()
        total = self.findings.bytes or None
        self._context.report(JobProgress(phase=self._phase, done_bytes=done_bytes, total_bytes=total, files=files))
