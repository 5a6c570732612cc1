"""Whatever opens the keys of a provider leaves no image of its memory: faces, workers and commands."""

import ctypes
from pathlib import Path

from tests.integration.keysync.sites import Later, Line, open_site

_SET_DUMPABLE, _GET_DUMPABLE = 4, 3


def test_a_process_that_opens_a_provider_shows_its_memory_to_nobody(tmp_path: Path) -> None:
    prctl = ctypes.CDLL(None).prctl
    prctl(_SET_DUMPABLE, 1, 0, 0, 0)

    open_site(tmp_path / "A", f"sqlite:///{tmp_path / 'a.db'}", Line(Later()), "A", "B")

    assert prctl(_GET_DUMPABLE, 0, 0, 0, 0) == 0
