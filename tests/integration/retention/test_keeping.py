"""What is held, or was restored by a drill, is kept whatever its policy says."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import update

from strongroom.backup.kinds import RequestedKind
from strongroom.catalog.drills import Drill, DrillState
from strongroom.catalog.jobs import Job
from strongroom.catalog.retention import Hold, list_events
from strongroom.errors import InvalidInputError
from strongroom.retention.candidates import Reason
from strongroom.retention.errors import (
    BackupHeldError,
    HoldNotFoundError,
    HoldReasonError,
    HoldReleaseNotConfirmedError,
    LastProvenError,
)
from strongroom.retention.holding import HoldRequest, add_hold, release_hold
from strongroom.retention.retiring import retire
from tests.integration.backup.conftest import House
from tests.integration.retention.conftest import aged, expiry, plan, result, swept


def test_a_hold_keeps_a_backup_until_it_is_released_with_the_name(small_house: House) -> None:
    services = small_house.services
    old, _ = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    aged(small_house, old, 91)
    hold = add_hold(services, HoldRequest(str(old.id), None, "case 4711", "anna"))
    assert result(swept(small_house))["expired"] == 0
    assert plan(small_house).decisions[1].reasons == (Reason.HELD,)
    with pytest.raises(BackupHeldError):
        retire(services, str(old.id), confirm="tree", by="anna")
    with pytest.raises(HoldReleaseNotConfirmedError):
        release_hold(services, str(hold.id), reason="closed", by="ben", confirm=None)
    with pytest.raises(HoldReasonError):
        release_hold(services, str(hold.id), reason=" ", by="ben", confirm="tree")
    release_hold(services, str(hold.id), reason="closed", by="ben", confirm="tree")
    with pytest.raises(HoldNotFoundError):
        release_hold(services, str(hold.id), reason="closed", by="ben", confirm="tree")
    assert result(swept(small_house))["expired"] == 1
    with services.catalog.read() as session:
        events = [(one.actor, one.action) for one in list_events(session).items]
    assert events == [
        ("anna", "keys destroyed"),
        ("anna", "expired"),
        ("ben", "hold released"),
        ("anna", "hold placed"),
    ]


def test_the_last_backup_that_a_drill_restored_is_deleted_by_nobody(small_house: House) -> None:
    services = small_house.services
    proven, newer = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    aged(small_house, proven, 400)
    restored(small_house, proven)
    assert result(swept(small_house))["expired"] == 0
    assert Reason.PROVEN in plan(small_house).decisions[1].reasons
    with pytest.raises(LastProvenError, match="strongroom drill run tree"):
        retire(services, str(proven.id), confirm="tree", by="anna")

    restored(small_house, newer)

    assert result(swept(small_house))["expired"] == 1
    assert expiry(small_house, proven.id).finished_at is not None


def test_what_a_drill_has_restored_stays_when_a_later_drill_fails_until_a_newer_one_is_proven(
    small_house: House,
) -> None:
    services = small_house.services
    first, doubted = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    newest = small_house.back_up(RequestedKind.FULL)
    aged(small_house, first, 500)
    aged(small_house, doubted, 400)
    restored(small_house, first)
    restored(small_house, doubted)
    restored(small_house, doubted, DrillState.FAILED, "ap")

    assert result(swept(small_house))["expired"] == 0
    assert [one.reasons for one in plan(small_house).decisions[1:]] == [(Reason.DOUBTED,), (Reason.PROVEN,)]
    with pytest.raises(LastProvenError):
        retire(services, str(doubted.id), confirm="tree", by="anna")

    restored(small_house, newest)

    assert result(swept(small_house))["expired"] == 2


def restored(house: House, backup: Job, state: DrillState = DrillState.PASSED, region: str = "eu") -> None:
    """Have the catalog say how a drill of a backup ended."""
    now = house.services.clock.now()
    with house.services.catalog.begin() as session:
        session.add(
            Drill(
                id=uuid.uuid4(),
                source="tree",
                backup_id=backup.id,
                region=region,
                state=state,
                created_at=now,
                started_at=now,
                finished_at=now,
                seconds=1.0,
                bytes=1,
            )
        )


def test_a_hold_on_a_source_ends_by_itself(small_house: House) -> None:
    services = small_house.services
    old, _ = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    aged(small_house, old, 91)
    with pytest.raises(InvalidInputError):
        add_hold(services, HoldRequest(None, "tree", "too late", "anna", services.clock.now() - timedelta(days=1)))
    with pytest.raises(InvalidInputError):
        add_hold(services, HoldRequest(None, None, "of nothing", "anna"))
    now = services.clock.now()
    until = now + timedelta(hours=1)
    hold = add_hold(services, HoldRequest(None, "tree", "for a moment", "anna", until))
    assert all(Reason.HELD in one.reasons for one in plan(small_house).decisions)
    with services.catalog.begin() as session:
        session.execute(update(Hold).where(Hold.id == hold.id).values(until=now))
    assert result(swept(small_house))["expired"] == 1
