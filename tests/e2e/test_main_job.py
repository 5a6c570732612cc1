"""The main job on real parts: back up, copy into three regions, lose one, restore, compare."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.testing.postgres import ScratchPostgres
from tests.e2e.databases import content, make_database
from tests.e2e.deployment import Deployment, bucket_regions, deployed, eventually
from tests.e2e.trees import make_tree, picture
from tests.services.rgw import Gateway
from tests.services.valkey import Valkey

SOURCES = """
[jobs]
lease_seconds = 5

[sources.uploads]
kind = "files"
path = "{tree}"

[sources.shop]
kind = "postgres"
host = "{host}"
port = {port}
dbname = "{dbname}"
user = "{user}"
password_env = "SHOP_PASSWORD"
"""


@pytest.fixture
def deployment(
    tmp_path: Path,
    valkey: Valkey,
    rgw_gateways: dict[str, Gateway],
    postgres_server: ScratchPostgres,
    postgres_catalog_url: str,
) -> Iterator[Deployment]:
    """A deployment with its catalog in PostgreSQL and three S3 regions, a tree and a database to protect."""
    database = f"shop_{tmp_path.name}".lower().replace("-", "_")[:60]
    make_tree(tmp_path / "tree", mib=160)
    make_database(postgres_server, database, rows=5_000)
    regions, secrets = bucket_regions(rgw_gateways)
    sources = SOURCES.format(
        tree=tmp_path / "tree",
        host=postgres_server.host,
        port=postgres_server.port,
        dbname=database,
        user=postgres_server.user,
    )
    environment = secrets | {
        "STRONGROOM_BROKER_URL": valkey.url,
        "STRONGROOM_CATALOG_URL": postgres_catalog_url,
        "SHOP_PASSWORD": postgres_server.password,
    }
    with deployed(tmp_path, regions + sources, environment) as running:
        yield running
    postgres_server.drop_database(database)


def test_both_sources_survive_the_loss_of_the_home_region(
    deployment: Deployment, rgw_gateways: dict[str, Gateway], postgres_server: ScratchPostgres, tmp_path: Path
) -> None:
    """Back up a tree and a database, stop the home region, restore both from another one."""
    files, shop = deployment.back_up("uploads"), deployment.back_up("shop")
    for backup in (files, shop):
        replicas = deployment.await_protected(backup)["replicas"]
        assert {replica["region"]: replica["state"] for replica in replicas} == dict.fromkeys(rgw_gateways, "present")

    next(iter(rgw_gateways.values())).stop()
    job = deployment.restore(files, {"kind": "files", "path": str(tmp_path / "restored")})
    assert job["result"]["region"] == list(rgw_gateways)[1]
    assert picture(tmp_path / "restored") == picture(tmp_path / "tree")

    target = f"restored_{tmp_path.name}".lower().replace("-", "_")[:60]
    deployment.restore(shop, {"kind": "postgres", "server": "shop", "dbname": target})
    (held,) = json.loads(deployment.get(f"/v1/backups/{shop}")["facts"]["databases"])
    source = held["name"]
    assert content(postgres_server, target) == content(postgres_server, source)
    postgres_server.drop_database(target)


def test_a_worker_killed_in_mid_backup_costs_nothing(deployment: Deployment, tmp_path: Path) -> None:
    """SIGKILL the backup worker while it uploads; the job ends all the same and restores equal to the source."""
    job_id = deployment.post("/v1/backups", {"source": "uploads"})["id"]

    def has_stored_something() -> bool:
        progress = deployment.get(f"/v1/jobs/{job_id}")["progress"]
        return bool(progress and progress["done_bytes"])

    eventually(has_stored_something, "the backup is under way")
    deployment.kill_worker("backup")
    assert deployment.get(f"/v1/jobs/{job_id}")["state"] == "running"
    deployment.start_process("worker-backup", "worker", "backup")

    job = deployment.await_job(job_id)
    assert job["attempt"] > 1
    deployment.await_protected(job_id)
    deployment.restore(job_id, {"kind": "files", "path": str(tmp_path / "restored")})
    assert picture(tmp_path / "restored") == picture(tmp_path / "tree")


def test_a_dead_region_delays_protection_and_heals(
    deployment: Deployment, rgw_gateways: dict[str, Gateway], tmp_path: Path
) -> None:
    """A backup commits while the third region is away, and is protected when it is back."""
    third = list(rgw_gateways.values())[2]
    third.stop()
    backup = deployment.back_up("shop")

    def second_is_present() -> bool:
        states = {r["region"]: r["state"] for r in deployment.get(f"/v1/backups/{backup}")["replicas"]}
        return bool(states[list(rgw_gateways)[1]] == "present")

    eventually(second_is_present, "the second region has its copy")
    document = deployment.get(f"/v1/backups/{backup}")
    assert (document["state"], document["protected_at"]) == ("committed", None)
    deployment.run("status", expect=4)

    third.start()
    deployment.await_protected(backup)


def test_secrets_appear_in_no_log(deployment: Deployment) -> None:
    """Neither the token nor a password nor a storage key is printed by any process."""
    deployment.back_up("shop")
    time.sleep(1)
    printed = deployment.logs()
    for name, value in deployment.variables.items():
        if name not in {"PYTHONPATH", "STRONGROOM_CONFIG", "STRONGROOM_CATALOG_URL", "STRONGROOM_BROKER_URL"}:
            assert value not in printed, name
