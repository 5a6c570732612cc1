"""What the metrics say that retention deleted is what a collection takes off the disk of the home region."""

import os

from strongroom.catalog.backups import BackupState
from strongroom.metrics.exporting import export
from tests.integration.backup.conftest import House
from tests.integration.retention.conftest import aged, result, swept
from tests.integration.retention.test_collecting import collect


def deleted(house: House) -> dict[str, float]:
    """Return the counter by policy, without those that are 0."""
    families = {family.name: family for family in export(house.services.catalog, house.services.settings)}
    samples = families["strongroom_retention_deleted_bytes"].samples
    return {sample.labels["policy"]: sample.value for sample in samples if sample.value}


def on_disk(house: House) -> int:
    """Return the bytes of packs and manifests in the home region; records and markers of a few hundred are not data."""
    root = house.directory / "regions" / "eu"
    return sum(path.stat().st_size for kind in ("p", "m") for path in (root / kind).rglob("*") if path.is_file())


def fill(house: House) -> None:
    """Put other content into every file, so that no backup has anything in common with another."""
    for path in house.tree.iterdir():
        path.write_bytes(os.urandom(70_000))


def test_the_bytes_that_retention_deleted_are_those_that_leave_the_disk(small_house: House) -> None:
    made = []
    for days in (4000, 3000, 0):
        fill(small_house)
        made.append(small_house.back_up())
        aged(small_house, made[-1], days)
    assert deleted(small_house) == {}
    assert result(swept(small_house))["expired"]
    gone = [backup for job in made if (backup := small_house.backup(job)).state is BackupState.RETIRED]
    before, counted = on_disk(small_house), deleted(small_house)
    collected = result(collect(small_house, "eu"))
    freed = before - on_disk(small_house)

    assert freed == collected["bytes"] == sum(backup.stored_bytes or 0 for backup in gone) > 1_000_000
    assert counted == deleted(small_house) == {gone[0].policy: freed}
