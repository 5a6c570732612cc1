"""A cursor is recorded after the rows behind it can no longer be undone."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from strongroom.catalog.reencryption import RangePhase
from strongroom.clock import SystemClock
from strongroom.rotation.recording import RangeRecord, Recorder


class Context:
    """What a job is given, as far as a recorder uses it; notes what it is asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def write(self, _change: Callable[..., None]) -> None:
        self.calls.append("recorded")

    def report(self, _progress: Any) -> None:
        self.calls.append("shown")


def test_rows_are_durable_before_their_cursor_is():
    context = Context()
    record = RangeRecord("shop:vault.secret", 1, 0, RangePhase.KEYSET, [5], 5, 0, 0, 0, Counter())
    recorder = Recorder(context, SystemClock(), record, lambda: context.calls.append("durable"))

    recorder.flush()

    assert context.calls == ["durable", "recorded", "shown"]
