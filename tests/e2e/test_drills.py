"""A drill on real parts catches a backup that was broken behind everybody's back, and tells people."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.testing.postgres import ScratchPostgres
from tests.e2e.databases import make_database
from tests.e2e.deployment import Deployment, deployed, eventually
from tests.services.valkey import Valkey

REGIONS = ("eu", "us", "ap")
CONFIGURATION = """
[regions.eu]
home = true
path = "regions/eu"
[regions.us]
path = "regions/us"
[regions.ap]
path = "regions/ap"

[sources.shop]
kind = "postgres"
host = "{host}"
port = {port}
dbname = "{dbname}"
user = "{user}"
password_env = "SHOP_PASSWORD"

[[sources.shop.drill.checks]]
name = "there is a table"
sql = "SELECT count(*) > 0 FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
"""


@pytest.fixture
def deployment(
    tmp_path: Path, valkey: Valkey, postgres_server: ScratchPostgres, postgres_catalog_url: str
) -> Iterator[Deployment]:
    """A deployment with a watcher, three directories as regions and a database to protect."""
    database = f"drilled_{tmp_path.name}".lower().replace("-", "_")[:60]
    make_database(postgres_server, database, rows=2_000)
    server = postgres_server
    configuration = CONFIGURATION.format(host=server.host, port=server.port, dbname=database, user=server.user)
    environment = {
        "STRONGROOM_BROKER_URL": valkey.url,
        "STRONGROOM_CATALOG_URL": postgres_catalog_url,
        "SHOP_PASSWORD": server.password,
    }
    with deployed(tmp_path, configuration, environment) as running:
        # Without one nobody would be told, which the status is not well with.
        running.start_process("watch", "strongroom", "watch")
        yield running
    postgres_server.drop_database(database)


def hold(deployment: Deployment, **wanted: str) -> dict[str, Any]:
    """Hold a drill and return what the API says of it."""
    job = deployment.await_job(deployment.post("/v1/drills", {"source": "shop", **wanted})["id"])
    return deployment.get(f"/v1/drills/{job['id']}")


def break_packs(directory: Path) -> None:
    """Change one byte in the middle of every pack of a region; sizes, times and names stay as they were."""
    for path in directory.rglob("*.pk"):
        path.chmod(0o600)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


def integrity_alerts(deployment: Deployment) -> set[str]:
    """Return the causes of critical integrity alerts that are open."""
    items = deployment.get("/v1/alerts")["items"]
    return {
        alert["cause"]
        for alert in items
        if (alert["type"], alert["severity"], alert["state"]) == ("integrity", "critical", "open")
    }


def test_a_backup_that_was_broken_is_caught_told_mended_and_proven(deployment: Deployment, tmp_path: Path) -> None:
    """Break one region's copy; a drill fails and alerts, the copy is mended, and the next drill passes."""
    backup = deployment.back_up("shop")
    deployment.await_protected(backup)
    first = hold(deployment)
    assert (first["state"], first["backup_id"]) == ("passed", backup)
    assert first["report"]["rows"] > 2_000
    assert integrity_alerts(deployment) == set()

    break_packs(tmp_path / "regions" / "us")
    broken = hold(deployment, region="us")

    assert (broken["state"], broken["report"]["failure"]["code"]) == ("failed", "repository.tampered")
    assert "drill.failed" in integrity_alerts(deployment)
    shown = json.loads(deployment.run("status", "--json", expect=4))
    assert shown["sources"][0]["levels"]["last_drill"]["passed"] is False

    eventually(lambda: deployment.get(f"/v1/backups/{backup}")["protected_at"] is not None, "the copy is mended")
    again = hold(deployment)

    assert (again["state"], again["region"]) == ("passed", "us")
    eventually(lambda: integrity_alerts(deployment) == set(), "the alerts are over")
    deployment.run("status")
    evidence = tmp_path / "evidence.json"
    deployment.run("drill", "show", again["id"], "--evidence", str(evidence))
    assert json.loads(evidence.read_text()) == deployment.get(f"/v1/drills/{again['id']}/evidence")
