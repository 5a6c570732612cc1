"""A ring goes from state to state in one direction, and a restore never loses a key."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from strongroom.columnkeys.changes import (
    destroyed,
    disabled,
    enabled,
    first_ring,
    new_version,
    next_name,
    promoted,
    restored,
    with_pending,
)
from strongroom.columnkeys.errors import ColumnKeyUnknownError, KeyRingConflictError
from strongroom.columnkeys.ring import KeyRing, KeyState

NOW = datetime(2026, 1, 14, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def ring(*names: str) -> KeyRing:
    """Return a ring made by rotating through the names; the last is active."""
    made = first_ring(new_version(names[0], KeyState.ACTIVE, NOW, os.urandom))
    for name in names[1:]:
        made = promoted(with_pending(made, new_version(name, KeyState.PENDING, NOW, os.urandom)), name, NOW)
    return made


def states(of: KeyRing) -> dict[str, str]:
    return {name: version.state.value for name, version in of.versions.items()}


def test_a_version_goes_through_all_states():
    made = with_pending(ring("v1"), new_version("v2", KeyState.PENDING, NOW, os.urandom))
    assert states(made) == {"v1": "active", "v2": "pending"}
    made = promoted(made, "v2", LATER)
    assert states(made) == {"v1": "decrypt_only", "v2": "active"}
    assert made.versions["v1"].changed == LATER
    made = disabled(made, ["v1"], LATER)
    assert states(enabled(made, ["v1"], LATER)) == {"v1": "decrypt_only", "v2": "active"}
    made = destroyed(made, ["v1"], LATER)
    assert states(made) == {"v1": "destroyed", "v2": "active"}
    assert made.versions["v1"].key == made.versions["v1"].salt == b""


@pytest.mark.parametrize(
    "change",
    [
        lambda made: disabled(made, ["v2"], NOW),
        lambda made: destroyed(made, ["v2"], NOW),
        lambda made: enabled(destroyed(made, ["v1"], NOW), ["v1"], NOW),
        lambda made: promoted(disabled(made, ["v1"], NOW), "v1", NOW),
        lambda made: with_pending(made, new_version("v1", KeyState.PENDING, NOW, os.urandom)),
        lambda made: with_pending(destroyed(made, ["v1"], NOW), new_version("v1", KeyState.PENDING, NOW, os.urandom)),
    ],
)
def test_what_does_not_fit_is_refused(change):
    with pytest.raises(KeyRingConflictError):
        change(ring("v1", "v2"))


def test_a_version_that_is_not_there_cannot_be_moved():
    with pytest.raises(ColumnKeyUnknownError):
        disabled(ring("v1"), ["v7"], NOW)


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["v1"], "v2"), (["v1", "v9"], "v10"), (["v9", "v10"], "v11"), (["2026-1"], "2026-2"), (["first"], "v2")],
)
def test_the_next_name_follows_the_highest_number(names, expected):
    assert next_name(ring(*names)) == expected


def test_the_next_name_after_one_without_a_number_at_its_end():
    assert next_name(ring("v1", "v2-prod")) == "v2"


def test_a_restore_keeps_what_was_made_after_the_copy():
    copy = ring("v1")
    now = promoted(with_pending(copy, new_version("v2", KeyState.PENDING, NOW, os.urandom)), "v2", NOW)

    assert states(restored(now, copy, LATER)) == {"v1": "active", "v2": "decrypt_only"}


def test_a_restore_brings_a_destroyed_key_back():
    copy = ring("v1", "v2")
    now = destroyed(copy, ["v1"], NOW)

    assert restored(now, copy, LATER).get_version("v1").key == copy.versions["v1"].key


def test_a_restore_into_nothing_gives_the_copy():
    copy = ring("v1", "v2")

    assert restored(None, copy, LATER) == copy


def test_a_copy_of_another_ring_is_not_mixed_in():
    with pytest.raises(KeyRingConflictError):
        restored(ring("v1"), ring("v1"), LATER)
