"""Python's search for reference cycles, made rare while a command or a job runs.

A backup or a restore makes a few objects for every file and no cycles. Looking through them after every 700 new ones,
as Python does by default, took 7 % of the processor time of a first backup. What was there before, the modules above
all, is not searched at all meanwhile.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARE = (200_000, 20, 50)
"""New objects before the youngest are searched, and how often that happens before older ones are searched as well."""


@contextmanager
def rare_cycle_searches() -> Iterator[None]:
    """Search seldom until the block ends; memory that a cycle holds is still given back, only later."""
    before = gc.get_threshold()
    # Asking Python what is frozen takes four milliseconds: it counts all of that.
    is_outermost = before != RARE
    gc.freeze()
    gc.set_threshold(*RARE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if is_outermost:
            gc.unfreeze()
