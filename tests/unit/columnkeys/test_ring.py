"""A ring hands out versions by their state, hides its keys, and has a fingerprint that follows every change."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from strongroom.columnkeys.errors import (
    ColumnKeyDestroyedError,
    ColumnKeyDisabledError,
    ColumnKeyUnknownError,
    KeyRingInvalidError,
)
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion, is_version_name


def version(name: str, state: KeyState, letter: str = "k") -> KeyVersion:
    return KeyVersion(name, state, letter.encode() * 32, b"s" * 16, datetime(2026, 1, 2, tzinfo=UTC))


def ring(*versions: KeyVersion, active: str = "v2") -> KeyRing:
    return KeyRing({each.name: each for each in versions}, active)


@pytest.fixture
def two() -> KeyRing:
    return ring(version("v1", KeyState.DECRYPT_ONLY), version("v2", KeyState.ACTIVE, "m"))


def test_the_active_version_and_those_that_read_are_handed_out(two):
    assert two.active_version().name == "v2"
    assert two.get_version("v1").key == b"k" * 32


@pytest.mark.parametrize("state", [KeyState.PENDING, KeyState.DECRYPT_ONLY])
def test_a_version_that_may_read_is_handed_out(two, state):
    assert ring(version("v1", state), version("v2", KeyState.ACTIVE)).get_version("v1").state is state


@pytest.mark.parametrize(
    ("state", "refusal"),
    [(KeyState.DISABLED, ColumnKeyDisabledError), (KeyState.DESTROYED, ColumnKeyDestroyedError)],
)
def test_a_retired_version_is_refused(state, refusal):
    with pytest.raises(refusal):
        ring(version("v1", state), version("v2", KeyState.ACTIVE)).get_version("v1")


def test_an_unknown_version_is_refused(two):
    with pytest.raises(ColumnKeyUnknownError):
        two.get_version("v3")


def test_nothing_shows_the_keys(two):
    shown = f"{two!r} {two.active_version()!r} {two.fingerprint()}"

    assert "kkk" not in shown
    assert "sss" not in shown
    for secret in (two, two.active_version()):
        with pytest.raises(TypeError):
            pickle.dumps(secret)


@pytest.mark.parametrize(
    "other",
    [
        ring(version("v1", KeyState.DISABLED), version("v2", KeyState.ACTIVE, "m")),
        ring(version("v1", KeyState.ACTIVE), version("v2", KeyState.DECRYPT_ONLY, "m"), active="v1"),
        ring(version("v1", KeyState.DECRYPT_ONLY, "x"), version("v2", KeyState.ACTIVE, "m")),
        ring(version("v2", KeyState.ACTIVE, "m")),
        ring(replace(version("v1", KeyState.DECRYPT_ONLY), salt=b"t" * 16), version("v2", KeyState.ACTIVE, "m")),
    ],
)
def test_the_fingerprint_follows_every_change(two, other):
    assert other.fingerprint() != two.fingerprint()


def test_the_fingerprint_does_not_depend_on_order(two):
    assert ring(*reversed(two.versions.values())).fingerprint() == two.fingerprint()


@pytest.mark.parametrize(
    ("versions", "active"),
    [
        ([], "v1"),
        ([version("v1", KeyState.DECRYPT_ONLY)], "v1"),
        ([version("v1", KeyState.ACTIVE), version("v2", KeyState.ACTIVE)], "v1"),
        ([version("v1", KeyState.ACTIVE)], "v2"),
        ([version("v:1", KeyState.ACTIVE)], "v:1"),
        ([replace(version("v1", KeyState.ACTIVE), key=b"short")], "v1"),
        ([replace(version("v1", KeyState.ACTIVE), salt=b"")], "v1"),
    ],
)
def test_what_makes_no_ring_is_refused(versions, active):
    with pytest.raises(KeyRingInvalidError):
        ring(*versions, active=active)


def test_a_ring_cannot_be_changed_from_outside(two):
    with pytest.raises(TypeError):
        two.versions["v9"] = version("v9", KeyState.PENDING)


def test_names_of_versions():
    assert all(map(is_version_name, ["v1", "v2-prod", "2026.01_a", "x" * 32]))
    assert not any(map(is_version_name, ["", "-v", "v:1", "v 1", "v1\n", "x" * 33, "é1"]))
