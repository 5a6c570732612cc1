"""Every route that does more than read, used: each leaves its row, with who, what, what became of it, and both ids."""

import uuid
from pathlib import Path

import pytest

from strongroom.runtime import Runtime
from tests.integration.api import conftest
from tests.integration.api.acts_done import NAMES, ROUTES, House
from tests.integration.api.test_reencryptions import shop
from tests.services.audit import audit_rows

__all__ = ["shop"]
LAST = "POST /v1/audit/acceptances"


CHANNEL = """
[channels.page]
kind = "webhook"
url = "http://127.0.0.1:1/"
secret_env = "HOOK_SECRET"
"""


@pytest.fixture(autouse=True)
def channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that takes nothing."""
    monkeypatch.setattr(conftest, "CONFIG", conftest.CONFIG + CHANNEL)
    monkeypatch.setenv("HOOK_SECRET", "the-secret-of-the-hook")


@pytest.fixture
def catalog_url(sqlite_catalog_url: str) -> str:
    """One kind of catalog: what is written is the same on both."""
    return sqlite_catalog_url


@pytest.fixture
def house(client, runtime: Runtime, make_backup, step_up, shop: Path, tmp_path: Path) -> House:
    """An installation with a backup and an encrypted column."""
    made = House(client, runtime, make_backup, step_up, tmp_path)
    made.backup()
    return made


def wrong_with(house: House, name: str) -> str | None:
    """Use a route, and say what its row lacks."""
    wish, trace_id = ROUTES[name](house), uuid.uuid4().hex
    answer = house.client.post(wish.path, json=dict(wish.body), headers={**wish.headers, "X-Trace-Id": trace_id})
    if name.startswith("POST /v1/reencryptions"):
        house.over(answer.json()["id"])
    if answer.status_code >= 300:
        return f"{name}: {answer.status_code} {answer.text}"
    rows = audit_rows(house.runtime.catalog, request_id=answer.headers["X-Request-ID"])
    done = [row for row in rows if (row.outcome, row.operation) == ("done", name)]
    who = {(row.actor_kind, row.actor_name, row.address, row.trace_id) for row in done}
    named = NAMES.get(name, name) in {row.action for row in done}
    if not named or who != {("operator", "ada", "127.0.0.1", trace_id)} or not all(row.target for row in done):
        told = [(row.action, row.operation, row.outcome, row.actor_name, row.target, row.trace_id) for row in rows]
        return f"{name}: {told}"
    return None


def test_each_leaves_a_row_of_what_was_done_by_whom_to_what_with_both_ids(house: House) -> None:
    names = [name for name in ROUTES if name != LAST] + [LAST]
    assert [said for name in names if (said := wrong_with(house, name)) is not None] == []


def test_one_act_has_one_row_unless_it_has_several_parts(house: House) -> None:
    answer = house.client.post("/v1/holds", json={"source": "website", "reason": "case 4711"})
    assert len(audit_rows(house.runtime.catalog, request_id=answer.headers["X-Request-ID"])) == 1
