"""A drill that cannot be held says nothing about the backup: an alert of its own, until a drill was held."""

import shutil
from collections import namedtuple

import pytest

from strongroom.alerts.opening import AlertType, Severity
from strongroom.catalog.drills import DrillState
from tests.integration.drills.conftest import DrillHall

Usage = namedtuple("Usage", "total used free")


def test_no_room_for_a_drill_is_an_alert_until_one_is_held_wherever(hall: DrillHall, monkeypatch: pytest.MonkeyPatch):
    hall.house.back_up()
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: Usage(100, 99, 1))
        job = hall.hold(region="us")

    assert (job.state, job.last_error["code"]) == ("failed", "drills.no_room")
    assert hall.drill(job).state is not DrillState.FAILED
    assert hall.alerts() == [(AlertType.FAILURE, Severity.HIGH, "drill.blocked", None)]

    assert hall.hold(region="eu").state == "succeeded"
    assert hall.alerts() == []
