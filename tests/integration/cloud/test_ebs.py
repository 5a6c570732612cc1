"""Volumes as a source: snapshots taken once, copied under each region's key, and protected only when whole."""

import pytest

from strongroom.levels.status import status
from tests.integration.cloud.conftest import Cloud

SOURCE = '[sources.disk]\nkind = "ebs"\nvolume = "{0}"\n'
TAGGED = '[sources.disks]\nkind = "ebs"\ntag = "backup={0}"\n'


@pytest.fixture
def volume(cloud: Cloud) -> str:
    volume = cloud.volume()
    cloud.configure(SOURCE.format(volume))
    return volume


def test_a_volume_is_snapshotted_and_copied_under_each_regions_key(cloud: Cloud, volume: str) -> None:
    job = cloud.back_up("disk")
    backup = cloud.backup(job)
    assert backup.medium == "snapshot"
    assert backup.protected_at is not None
    assert cloud.states(job) == {"eu": "present", "us": "present", "ap": "present"}
    (home,) = cloud.snapshots(job.id)
    assert home["VolumeId"] == volume
    tags = {tag["Key"]: tag["Value"] for tag in home["Tags"]}
    assert tags["strongroom:backup"] == str(job.id)
    assert tags["strongroom:policy"] == "operational-data"
    for region in ("us", "ap"):
        (copy,) = cloud.snapshots(job.id, region)
        assert copy["Encrypted"]
        assert copy["KmsKeyId"] == cloud.keys[region]
        assert backup.facts["snapshots"][region] == {volume: copy["SnapshotId"]}
    (line,) = [source for source in status(cloud.house.services).sources if source.name == "disk"]
    assert line.protected


def test_all_volumes_with_the_tag_are_one_backup(cloud: Cloud) -> None:
    tag = cloud.keys["eu"].rpartition("/")[2]
    named = [{"ResourceType": "volume", "Tags": [{"Key": "backup", "Value": tag}]}]
    volumes = {cloud.volume(TagSpecifications=named) for _ in range(3)}
    cloud.volume()
    cloud.configure(TAGGED.format(tag))
    job = cloud.back_up("disks")
    assert {part["name"] for part in cloud.backup(job).facts["parts"]} == volumes
    assert len(cloud.snapshots(job.id, "ap")) == 3


def test_a_volume_that_is_not_encrypted_leaves_only_encrypted_snapshots(cloud: Cloud) -> None:
    volume = cloud.volume(Encrypted=False)
    cloud.configure(SOURCE.format(volume))
    job = cloud.back_up("disk")
    (home,) = cloud.snapshots(job.id)
    assert home["Encrypted"]
    assert home["KmsKeyId"] == cloud.keys["eu"]
    assert len(cloud.snapshots(job.id, "us")) == 1
