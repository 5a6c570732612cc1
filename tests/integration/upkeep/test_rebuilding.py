"""A catalog that is lost is rebuilt from any region and the keys, and everything works as before."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from strongroom.catalog.backups import Backup, BackupState, Replica, ReplicaState
from strongroom.retention.holding import holding_adopted
from strongroom.retention.retiring import retire
from strongroom.testing.stores import Fault, Operation, server_error
from strongroom.upkeep.rebuilding import RebuildReport, rebuild
from tests.integration.backup.conftest import House, files
from tests.integration.backup.test_damage import damage
from tests.integration.cli.conftest import Run, installed, run

__all__ = ["installed", "run"]


def lose_catalog(tmp_path: Path) -> None:
    for path in (tmp_path / "data").glob("catalog.db*"):
        path.unlink()


def rebuilt(run: Run) -> dict[str, Any]:
    code, out, err = run("catalog", "rebuild", "--json")
    assert code in {0, 3}, err
    answer: dict[str, Any] = json.loads(out)
    return answer


@pytest.mark.parametrize("lost", [None, "us-east-1", "home"])
def test_after_a_rebuild_everything_is_listed_and_restored(installed: Run, tmp_path: Path, lost: str | None) -> None:
    for _ in range(2):
        assert installed("backup", "run", "uploads", "--here")[0] == 0
    _, before, _ = installed("backup", "list", "--json")
    regions = [path for path in (tmp_path / "regions").iterdir() if lost]
    home = json.loads(before)["items"][0]["regions"][0]
    for path in regions:
        if path.name == (home if lost == "home" else lost):
            shutil.rmtree(path)
    lose_catalog(tmp_path)
    assert installed("backup", "list")[0] != 0

    report = rebuilt(installed)

    assert (report["adopted"], report["known"]) == (2, 0)
    assert bool(report["unreadable"]) is bool(lost)
    after = json.loads(installed("backup", "list", "--json")[1])["items"]
    for one, other in zip(json.loads(before)["items"], after, strict=True):
        # When a backup was asked for is known to the catalog alone.
        same = one.keys() - {"created_at", "trace_id", "protected_at", "partial", "replicas"}
        assert {key: one[key] for key in same} == {key: other[key] for key in same}
    assert installed("status")[0] == (4 if lost else 0)
    words = [] if lost != "home" else ["--region", next(n for n in after[0]["regions"] if n != home)]
    target = str(tmp_path / "back")
    assert installed("restore", "run", "latest:uploads", "--target", target, "--here", *words)[0] == 0
    assert files(tmp_path / "back") == files(tmp_path / "uploads")
    assert rebuilt(installed)["known"] == 2


def test_what_was_adopted_is_held_until_somebody_who_knows_releases_it(installed: Run, tmp_path: Path) -> None:
    for _ in range(2):
        assert installed("backup", "run", "uploads", "--type", "full", "--here")[0] == 0
    old = json.loads(installed("backup", "list", "--json")[1])["items"][-1]["id"]
    assert installed("holds", "add", old, "--reason", "case 4711")[0] == 0
    lose_catalog(tmp_path)
    # It is due already when it is adopted.
    config = tmp_path / "strongroom.toml"
    config.write_text(config.read_text() + "[policies.operational-data]\nretention_days = 0\nkeep_last = 1\n")

    rebuilt(installed)
    rebuilt(installed)

    assert installed("retention", "apply", "--here")[0] == 0
    assert len(json.loads(installed("backup", "list", "--json")[1])["items"]) == 2
    (hold,) = json.loads(installed("holds", "list", "--json")[1])["items"]
    assert (hold["source"], hold["backup_id"], hold["placed_by"]) == ("uploads", None, "strongroom")
    words = ("holds", "release", hold["id"], "--reason", "looked through", "--confirm", "uploads")
    assert installed(*words)[0] == 0
    assert installed("retention", "apply", "--here")[0] == 0
    (left,) = json.loads(installed("backup", "list", "--state", "committed", "--json")[1])["items"]
    assert left["id"] != old


def test_a_retirement_that_one_region_has_not_heard_of_is_carried_out_after_a_rebuild(
    installed: Run, tmp_path: Path
) -> None:
    for _ in range(2):
        assert installed("backup", "run", "uploads", "--type", "full", "--here")[0] == 0
    gone = json.loads(installed("backup", "list", "--json")[1])["items"][-1]["id"]
    regions = tmp_path / "regions"
    (regions / "us-east-1").rename(tmp_path / "away")
    installed("backup", "retire", gone, "--confirm", "uploads")
    (tmp_path / "away").rename(regions / "us-east-1")
    slots = regions / "us-east-1" / "keys" / gone.replace("-", "")
    assert list(slots.iterdir())
    lose_catalog(tmp_path)

    assert rebuilt(installed)["retired"] == 1
    assert installed("retention", "apply", "--here")[0] == 0

    assert [path for path in regions.rglob(f"keys/{slots.name}/*") if path.is_file()] == []
    assert len([path for path in regions.rglob(f"e/uploads/{slots.name}") if path.is_file()]) == 3
    listed = json.loads(installed("backup", "list", "--json")[1])["items"]
    assert [one["state"] for one in listed if one["id"] == gone] == ["retired"]


def again(house: House, **faults: Any) -> RebuildReport:
    services = house.with_faults(*faults["faults"]) if faults else house.services
    return rebuild(services, on_adopted=holding_adopted(services), on_progress=lambda done, total: None)


def test_a_rebuild_over_a_catalog_in_use_changes_nothing(house: House) -> None:
    job = house.back_up()
    protected = house.backup(job).protected_at
    report = again(house)
    assert (report.adopted, report.known, report.complete) == (0, 1, True)
    assert house.backup(job).protected_at == protected


def test_a_retired_backup_does_not_come_back(small_house: House) -> None:
    job = small_house.back_up()
    retire(small_house.services, str(job.id), confirm="tree", by="anna")
    report = again(small_house)
    assert (report.adopted, report.retired) == (0, 1)


def test_a_catalog_from_yesterday_hears_of_what_was_retired_since(small_house: House) -> None:
    job = small_house.back_up()
    retire(small_house.services, str(job.id), confirm="tree", by="anna")
    with small_house.services.catalog.begin() as session:
        session.get_one(Backup, job.id).state = BackupState.COMMITTED
    assert again(small_house).retired == 1
    assert small_house.backup(job).state is BackupState.RETIRED


def test_a_backup_that_is_lost_everywhere_can_be_retired(small_house: House) -> None:
    job = small_house.back_up()
    with small_house.services.catalog.begin() as session:
        session.execute(update(Replica).values(state=ReplicaState.DAMAGED))
    assert retire(small_house.services, str(job.id), confirm="tree", by="anna")[1] == []


def test_what_cannot_be_read_is_named_and_the_rest_is_adopted(small_house: House) -> None:
    small_house.back_up()
    path = damage(small_house, "us", "c/")
    report = again(small_house)
    assert [(bad.region, bad.code) for bad in report.unreadable] == [("us", "repository.tampered")]
    assert path.name in report.unreadable[0].what


def test_a_region_that_does_not_answer_is_named(small_house: House) -> None:
    small_house.back_up()
    report = again(small_house, faults=("ap", [Fault(Operation.LIST, server_error, times=9)]))
    assert [(bad.region, bad.what) for bad in report.unreadable] == [("ap", "the region")]
    assert report.known == 1
