"""Kill whoever works on a region at any call: what was committed reads back byte for byte, the next backup works."""

from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.testing.stores import Moment
from tests.unit.repository.mortal import BODIES, NAMES, Death, Survivors

MOST_CALLS = 40
"""More than a backup makes; a death later than its last call does not happen."""

NEARLY_DONE = 22
"""A call of the backup below at which most of its packs are stored and in checkpoints."""

FIRST = [(name, number % len(BODIES)) for number, name in enumerate(NAMES)]
SECOND = [(b"a", 4), (b"f/c", None), (b"f/new", 3), (b"k/x", 1)]

edits = st.lists(st.tuples(st.sampled_from(NAMES), st.none() | st.integers(0, len(BODIES) - 1)), max_size=4)
deaths = st.none() | st.tuples(st.integers(1, MOST_CALLS), st.sampled_from(Moment))
backups = st.tuples(st.sampled_from(["full", "incremental", "incremental", "differential"]), edits, deaths)
others = st.tuples(st.sampled_from(["abort", "retire", "collect"]), st.just([]), deaths)


def act(survivors: Survivors, what: str, changes: list[tuple[bytes, int | None]], death: Death) -> None:
    survivors.edit(changes)
    if what in {"abort", "retire", "collect"}:
        getattr(survivors, what)(death)
    else:
        survivors.back_up(what, death)


def go_on(survivors: Survivors) -> None:
    """Make the backup that died, or another one, with what comes after it; nothing may be left that disturbs."""
    survivors.back_up("incremental", Death(None))
    assert survivors.dead == []
    survivors.verify()
    survivors.collect(Death(None))
    survivors.verify()


@given(history=st.lists(backups | others, min_size=1, max_size=7))
@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_dies_whenever_every_live_backup_reads_back(history: list[tuple[str, Any, Any]]) -> None:
    survivors = Survivors()
    survivors.edit(FIRST)
    for what, changes, death in history:
        act(survivors, what, changes, Death(*death) if death else Death(None))
        survivors.verify()
    go_on(survivors)


@cache
def prepared() -> Survivors:
    """Return a region with a full backup and an incremental one, and a tree that has changed since."""
    survivors = Survivors()
    survivors.edit(FIRST)
    survivors.back_up("full", Death(None))
    survivors.edit([(b"b", 3)])
    survivors.back_up("incremental", Death(None))
    survivors.edit(SECOND)
    return survivors


def begun() -> Survivors:
    return prepared().fork()


def calls_of(kind: str) -> int:
    survivors, death = begun(), Death(None)
    survivors.back_up(kind, death)
    return death.calls


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("kind", ["full", "incremental", "differential"])
def test_a_backup_killed_at_each_of_its_calls_is_made_by_the_next_attempt(kind: str, moment: Moment) -> None:
    most = calls_of(kind)
    assert 20 < most < MOST_CALLS
    for call in range(1, most + 1, 1 if kind == "incremental" else 3):
        survivors = begun()
        survivors.back_up(kind, Death(call, moment))
        survivors.verify()
        go_on(survivors)


@pytest.mark.parametrize("moment", Moment)
def test_an_attempt_that_goes_on_from_a_dead_one_may_die_at_each_call_as_well(moment: Moment) -> None:
    for call in range(1, calls_of("incremental"), 2):
        survivors = begun()
        survivors.back_up("incremental", Death(NEARLY_DONE, moment))
        assert len(survivors.dead) == 1
        survivors.back_up("incremental", Death(call, moment))
        survivors.verify()
        go_on(survivors)


@pytest.mark.parametrize("moment", Moment)
def test_a_collection_killed_at_each_of_its_calls_harms_no_live_backup(moment: Moment) -> None:
    for call in range(1, 60, 2):
        survivors = begun()
        survivors.back_up("incremental", Death(NEARLY_DONE))
        survivors.abort(Death(None))
        survivors.retire(Death(None))
        survivors.collect(Death(call, moment))
        survivors.verify()
        go_on(survivors)
