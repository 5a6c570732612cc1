"""The main job on real parts: back up, copy into three regions, lose one, restore, compare."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.testing.postgres import ScratchPostgres
from tests.e2e.databases import content, make_database
from tests.e2e.deployment import Deployment, bucket_regions, deployed, eventually
from tests.e2e.flower_pages import flower_beside
from tests.e2e.lines import read_lines, verify_silent
from tests.e2e.operators_life import Life
from tests.e2e.spying import contents, monitored, rows_of
from tests.e2e.trees import make_tree, picture
from tests.services.canaries import arguments_of, find_secrets, shows_code
from tests.services.collector import Collector, ReceivedSpan, collecting
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


ADDRESSES = {"PYTHONPATH", "STRONGROOM_CONFIG", "STRONGROOM_CATALOG_URL", "STRONGROOM_BROKER_URL"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """What the deployment sends its spans to."""
    with collecting() as running:
        yield running


@pytest.fixture
def deployment(
    tmp_path: Path,
    valkey: Valkey,
    rgw_gateways: dict[str, Gateway],
    postgres_server: ScratchPostgres,
    postgres_catalog_url: str,
    collector: Collector,
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
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "STRONGROOM_API_TOKEN": "canary-of-old-times",
        "MFA_ENABLED": "true",
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


def test_a_worker_killed_in_mid_backup_costs_nothing(
    deployment: Deployment, collector: Collector, tmp_path: Path
) -> None:
    """SIGKILL the backup worker while it uploads; the job ends all the same and restores equal to the source.

    One trace id leads from the request over both attempts to the copies: in logs, story and spans.
    """
    asked = deployment.client.post("/v1/backups", json={"source": "uploads"}, headers={"X-Trace-Id": TRACE})
    job_id = asked.json()["id"]

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
    _verify_lines(deployment, job_id)
    _verify_story(deployment, job_id, asked.headers["x-request-id"])
    _verify_spans(collector, job_id)


def _verify_lines(deployment: Deployment, job_id: str) -> None:
    lines = read_lines(deployment)
    about = [line for line in lines if line.get("job_id") == job_id or job_id in line["message"]]
    # What asks how the job is, or restores it, is a request of its own.
    of_the_job = [line for line in about if line["logger"] != "api.tracing" and "restore" not in line["message"]]
    assert {line.get("trace_id") for line in of_the_job if line["event"].startswith("job.attempt")} == {TRACE}
    begun = [line for line in of_the_job if line["event"] == "job.attempt_begins"]
    assert len({line["pid"] for line in begun}) > 1
    asked_by = {(line.get("username"), "user_id" in line) for line in of_the_job if "job_id" in line}
    assert asked_by == {("tests", True)}
    assert {"api", "worker-backup"} <= {line["service"] for line in lines if line.get("trace_id") == TRACE}
    verify_silent(deployment, deployment.client.headers["Authorization"].removeprefix("Bearer "))


def _verify_story(deployment: Deployment, job_id: str, request_id: str) -> None:
    story = json.loads(deployment.run("trace", request_id, "--json"))
    assert (story["trace_id"], story["request_ids"]) == (TRACE, [request_id])
    told = [event["what"] for event in story["events"] if event["about"].get("job_id", job_id) == job_id]
    assert any(what.startswith("attempt 1 of backup.run was lost") for what in told), told
    assert {"request", "job", "attempt", "object", "copy"} <= {event["kind"] for event in story["events"]}


def _verify_spans(collector: Collector, job_id: str) -> None:
    def has_arrived() -> bool:
        names = {span.name for span in collector.of(TRACE)}
        return {"POST /v1/backups", "process backup", "job backup.run", "S3.PutObject"} <= names

    eventually(has_arrived, "the spans arrive")
    spans = collector.of(TRACE)
    (request,) = [span for span in spans if span.name == "POST /v1/backups"]
    sent = {span.span_id: span for span in spans if span.name == "send backup"}
    # Handed over by the request itself, and after the worker was lost by a tick, which has a trace of its own.
    assert request.span_id in {span.parent_id for span in sent.values()}
    assert any(span.links for span in sent.values())
    taken = [span for span in spans if span.name == "process backup"]
    assert taken
    assert {span.parent_id for span in taken} <= set(sent)
    attempt = next(span for span in spans if span.attributes.get("strongroom.outcome") == "succeeded")
    assert attempt.attributes["strongroom.job_id"] == job_id
    assert {span.service for span in spans} == {"api", "worker"}
    eventually(lambda: _are_below_an_attempt(collector.of(TRACE)), "S3 and the catalog are below an attempt")


def _are_below_an_attempt(spans: list[ReceivedSpan]) -> bool:
    known = {span.span_id: span for span in spans}
    attempt = ["job backup.run", "process backup", "send backup"]
    below = {span.name for span in spans if _above(span, known)[:3] == attempt}
    return {"S3.PutObject", "UPDATE catalog"} <= below


def _above(span: ReceivedSpan, known: dict[str, ReceivedSpan]) -> list[str]:
    """Return the names of the spans above one, the nearest first."""
    names = []
    while span.parent_id in known:
        span = known[span.parent_id]
        names.append(span.name)
    return names


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


def test_secrets_appear_in_no_log_no_task_no_span_no_page_and_no_row(
    deployment: Deployment, collector: Collector
) -> None:
    """No token, code, password or storage key is printed by a process, told to the broker or kept in the catalog."""
    broker, life = deployment.variables["STRONGROOM_BROKER_URL"], Life(deployment)
    with monitored(broker) as heard, flower_beside(deployment) as flower:
        life.live()
        deployment.back_up("shop")
        eventually(lambda: "backup.run" in str(heard), "the broker was told of the backup")
        eventually(lambda: "backup.run" in str(flower.tasks()), "Flower was told of the backup")
        pages = flower.shown()
    printed = deployment.logs()
    places = {
        "logs": printed,
        "broker": str(heard) + arguments_of(str(heard).encode()),
        "pages of Flower": pages,
        "contents of the broker": str(contents(broker)),
        "spans": collector.raw.decode("latin-1"),
        "catalog": rows_of(deployment.variables["STRONGROOM_CATALOG_URL"]),
        "refusals": "".join(answer.text + str(answer.headers) for answer in life.refused),
    }

    assert "MFA_ENROLLED" in printed, "what happened was not logged: the test looks at nothing"
    assert "STRONGROOM_API_TOKEN is set and ignored" in printed
    assert {answer.status_code // 100 for answer in life.refused} == {4}
    found = {(place, name) for place, text in places.items() for name, secret in life.secrets.items() if secret in text}
    assert found == set()
    assert {place: find_secrets(text) for place, text in places.items() if find_secrets(text)} == {}
    assert life.codes
    assert [code for code in life.codes for text in (printed, pages) if shows_code(text, code)] == []
    assert collector.spans
    for name, value in deployment.variables.items():
        if not name.startswith("OTEL_") and name not in {*ADDRESSES, "MFA_ENABLED"}:
            assert value not in printed, name
            assert value not in pages, name
    assert read_lines(deployment)
