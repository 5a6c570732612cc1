"""A catalog that an earlier version filled is brought up to date with what is in it."""

import hashlib
import json
import uuid
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from strongroom.catalog.engine import open_engine
from strongroom.catalog.jobs import Job
from strongroom.catalog.schema import upgrade
from strongroom.catalog.session import Catalog
from tests.integration.catalog.rows import insert

BACKUP = uuid.UUID("0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70")
TARGET = {"path": "/srv/restored", "kind": "files"}


def bring_to(engine: Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "strongroom.catalog:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.fixture
def old_engine(empty_engine: Engine) -> Engine:
    """A database as the first version made it, with one backup of `shop`."""
    bring_to(empty_engine, "0001")
    insert(empty_engine, "backup", id=BACKUP, source="shop", state="committed", kind="full")
    return empty_engine


def job(engine: Engine, kind: str, args: dict[str, Any], **values: Any) -> uuid.UUID:
    job_id = uuid.uuid4()
    lease = "2026-01-01" if values.get("state") == "running" else None
    insert(
        engine, "job", **{"id": job_id, "kind": kind, "args": args, "state": "queued", "lease_until": lease} | values
    )
    return job_id


def upgraded(engine: Engine) -> dict[uuid.UUID, Job]:
    url = engine.url.render_as_string(hide_password=False)
    engine.dispose()
    again = open_engine(url)
    upgrade(again)
    with Catalog(again).read() as session:
        found = {row.id: row for row in session.scalars(select(Job))}
    again.dispose()
    return found


def test_every_older_job_gets_the_source_it_is_about(old_engine: Engine):
    jobs = [
        job(old_engine, "backup.run", {"source": "shop"}, source="shop"),
        job(old_engine, "replication.copy", {"backup": str(BACKUP), "region": "b"}),
        job(old_engine, "restore.run", {"backup": str(BACKUP), "target": TARGET}),
        job(old_engine, "verification.run", {"backup": str(BACKUP)}),
    ]
    insert(old_engine, "restore", id=jobs[2], backup_id=BACKUP)
    insert(old_engine, "verification", id=jobs[3], backup_id=BACKUP)

    found = upgraded(old_engine)

    assert [found[job_id].source for job_id in jobs] == ["shop"] * 4


def test_older_jobs_that_are_not_over_get_their_keys(old_engine: Engine):
    backup = job(old_engine, "backup.run", {"source": "shop"}, source="shop")
    restore = job(old_engine, "restore.run", {"backup": str(BACKUP), "target": TARGET})
    over = job(old_engine, "backup.run", {"source": "shop"}, source="shop", state="succeeded")

    found = upgraded(old_engine)

    digest = hashlib.sha256(json.dumps(TARGET, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    assert [found[one].exclusion for one in (backup, restore, over)] == ["source:shop", f"target:{digest}", None]
    assert not any(row.pause_requested or row.deadline_at for row in found.values())


def test_two_older_jobs_that_run_on_one_source_do_not_stop_the_upgrade(old_engine: Engine):
    both = [
        job(old_engine, "backup.run", {"source": "shop"}, source="shop", state="running"),
        job(old_engine, "backup.run", {"source": "shop"}, source="shop", state="running"),
    ]

    found = upgraded(old_engine)

    assert sorted(found[one].exclusion or "" for one in both) == ["", "source:shop"]


def test_the_database_itself_lets_one_job_of_a_key_run(old_engine: Engine):
    bring_to(old_engine, "head")
    first = {"state": "running", "exclusion": "source:shop"}
    job(old_engine, "backup.run", {"source": "shop"}, **first)

    with pytest.raises(IntegrityError, match="exclusion"):
        job(old_engine, "backup.run", {"source": "shop"}, **first)
