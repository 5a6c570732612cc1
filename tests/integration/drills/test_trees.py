"""A drill of a tree restores it from one region alone, compares every file, and says what it found."""

import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from strongroom.alerts.opening import AlertType, Severity
from strongroom.catalog.backup_queries import list_replicas
from strongroom.catalog.backups import ReplicaState
from strongroom.catalog.drills import DrillState, drilled_backups
from strongroom.drills.errors import NoRoomForDrillError, NothingToDrillError
from strongroom.drills.room import telling_of_a_full_disk
from strongroom.repository.layout import PACKS
from strongroom.sources.errors import ScratchServerError, TargetFullError
from tests.integration.backup.conftest import files
from tests.integration.drills.conftest import DrillHall


def spoil(hall: DrillHall, region: str) -> None:
    """Change one byte in every pack of a region."""
    for key in hall.house.objects(region, PACKS):
        path = hall.house.directory / "regions" / region / key
        path.chmod(0o600)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


def test_a_whole_backup_passes_and_is_proven(hall: DrillHall):
    tree = hall.house.tree
    os.link(tree / "3.txt", tree / "another name")
    (tree / "link").symlink_to("3.txt")
    os.mkfifo(tree / "pipe")
    (tree / "empty").touch()
    (tree / "closed").mkdir()
    (tree / "closed" / "secret").write_text("nobody may read this")
    backup = hall.house.back_up()

    job = hall.hold()

    drill = hall.drill(job)
    assert (job.state, drill.state) == ("succeeded", DrillState.PASSED)
    assert (drill.backup_id, drill.region in {"eu", "us", "ap"}) == (backup.id, True)
    assert drill.bytes == sum(
        len(content) for path, content in files(tree).items() if path not in {"another name", "link"}
    )
    assert drill.report is not None
    assert [check["kind"] for check in drill.report["checks"]] == ["digest"]
    assert drill.seconds == pytest.approx(sum(drill.report["phases"][p] for p in ("opening", "restoring")), abs=0.01)
    assert hall.left() == []
    with hall.house.services.catalog.read() as session:
        assert drilled_backups(session, "tree") == {backup.id: DrillState.PASSED}


def test_a_backup_that_is_broken_in_a_region_fails_there_opens_an_alert_and_is_mended(hall: DrillHall):
    backup = hall.house.back_up()
    spoil(hall, "us")

    failed = hall.hold(region="us")

    assert (failed.state, hall.drill(failed).state) == ("succeeded", DrillState.FAILED)
    assert (AlertType.INTEGRITY, Severity.CRITICAL, "drill.failed", "us") in hall.alerts()
    assert (hall.drill(failed).report or {})["failure"]["code"] == "repository.tampered"
    with hall.house.services.catalog.read() as session:
        assert drilled_backups(session, "tree") == {}

    hall.house.copy()
    # The region that failed is drawn until it has passed.
    passed = hall.hold()

    assert hall.drill(passed).state is DrillState.PASSED
    assert hall.drill(passed).region == "us"
    assert hall.alerts() == []
    assert hall.house.backup(backup).protected_at is not None


def test_only_the_chosen_region_is_asked(hall: DrillHall):
    backup = hall.house.back_up()
    for region in ("eu", "us"):
        (hall.house.directory / "regions" / region).rename(hall.house.directory / "regions" / f"{region} is gone")

    job = hall.hold(region="ap")

    assert hall.drill(job).state is DrillState.PASSED
    assert hall.drill(job).backup_id == backup.id


def test_the_region_is_drawn(hall: DrillHall):
    hall.house.back_up()

    drawn = {hall.drill(hall.hold()).region for _ in range(12)}

    assert len(drawn) > 1


def test_without_a_protected_backup_there_is_nothing_to_drill(hall: DrillHall):
    hall.house.run(hall.house.request())

    with pytest.raises(NothingToDrillError):
        hall.ask()


def test_a_drill_without_room_is_refused_before_it_writes(hall: DrillHall, monkeypatch: pytest.MonkeyPatch):
    hall.house.back_up()
    monkeypatch.setattr("strongroom.drills.place.shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 20))

    job = hall.hold()

    assert job.state == "failed"
    assert (job.last_error or {})["code"] == "drills.no_room"
    assert hall.drill(job).state is DrillState.OPEN
    assert hall.left() == []


def test_a_disk_that_becomes_full_says_nothing_about_the_backup(hall: DrillHall, monkeypatch: pytest.MonkeyPatch):
    def restore(*_: object) -> None:
        raise TargetFullError("There is no room left for 1.txt (No space left on device).", next_step="Make room.")

    hall.house.back_up()
    monkeypatch.setattr("strongroom.drills.run.restore_tree", restore)

    job = hall.hold()

    assert ((job.last_error or {})["code"], hall.drill(job).state) == ("drills.no_room", DrillState.OPEN)
    assert hall.alerts() == [(AlertType.FAILURE, Severity.HIGH, "drill.blocked", None)]
    assert hall.left() == []


def test_a_server_that_ended_for_want_of_room_is_told_by_its_log(tmp_path: Path):
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "server.log").write_text("PANIC:  could not write to file: No space left on device\n")

    with pytest.raises(NoRoomForDrillError), telling_of_a_full_disk(tmp_path):
        raise ScratchServerError("The server ended the connection.", next_step="It is tried again.")


def test_a_socket_that_only_its_program_can_make_is_a_note(hall: DrillHall):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(hall.house.tree / "s"))
        hall.house.back_up()

    assert hall.drill(hall.hold()).state is DrillState.PASSED


def test_a_copy_is_damaged_until_it_is_mended(hall: DrillHall):
    backup = hall.house.back_up()
    spoil(hall, "ap")
    hall.hold(region="ap")

    with hall.house.services.catalog.read() as session:
        states = {replica.region: replica.state for replica in list_replicas(session, backup.id)}

    assert states["ap"] is ReplicaState.DAMAGED
