"""The reminder of a column key whose period has ended."""

import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from strongroom.clock import SystemClock
from strongroom.columnkeys.changes import first_ring, new_version
from strongroom.columnkeys.errors import KeyRingNotFoundError
from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.rotation.reminding import remind_of_period
from strongroom.services import Services


def ring_of_age(days: int) -> KeyRing:
    made = datetime.now(UTC) - timedelta(days=days)
    return first_ring(new_version("v3", KeyState.ACTIVE, made, os.urandom))


def services_with(open_ring: object) -> Services:
    settings = SimpleNamespace(column_keys=SimpleNamespace(period_days=90))
    return SimpleNamespace(settings=settings, clock=SystemClock(), open_ring=open_ring)


def test_a_key_that_has_served_its_period_is_named_in_the_log(caplog: pytest.LogCaptureFixture):
    assert remind_of_period(services_with(lambda: ring_of_age(91))) == "v3"
    assert "strongroom secrets rotate" in caplog.text


def test_a_younger_key_and_an_installation_without_keys_are_passed_over(caplog: pytest.LogCaptureFixture):
    def none() -> KeyRing:
        raise KeyRingNotFoundError("There are none.", next_step="Make them.")

    assert remind_of_period(services_with(lambda: ring_of_age(89))) is None
    assert remind_of_period(services_with(none)) is None
    assert caplog.text == ""
