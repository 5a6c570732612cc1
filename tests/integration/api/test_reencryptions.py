"""Re-encryption over HTTP: asked for, followed, stopped and resumed."""

import sqlite3
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from strongroom.clock import SystemClock, system_random
from strongroom.columnkeys.changes import first_ring, new_version
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.ring import KeyState
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.place import Binding, ColumnPlace, TokenFormat
from strongroom.jobs.runner import run_job
from strongroom.rotation.campaigns import open_jobs_of
from strongroom.runtime import HANDLERS
from strongroom.settings import DatabaseSettings

ROWS = 30


@pytest.fixture
def shop(runtime, tmp_path: Path) -> Path:
    """A database of an application, with Fernet tokens in one table, and a ring."""
    path = tmp_path / "shop.db"
    runtime.settings.databases["shop"] = DatabaseSettings(name="shop", url=SecretStr(f"sqlite:///{path}"))
    version = new_version("v1", KeyState.ACTIVE, SystemClock().now(), system_random)
    ring = first_ring(version)
    EnvCryptoFile(runtime.settings.column_keys.file).create(ring, ())
    place = ColumnPlace("", "users", "secret")
    cipher = ColumnCipher(ring, place, format=TokenFormat.FERNET, binding=Binding.COLUMN)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, secret VARCHAR(500))")
        rows = [(number, cipher.encrypt(f"secret {number}", None)) for number in range(ROWS)]
        connection.executemany("INSERT INTO users VALUES (?, ?)", rows)
        connection.execute("UPDATE users SET secret = 'plain' WHERE id = 3")
    return path


def ask(client, **fields):
    return client.post("/v1/reencryptions", json={"table": "users", "column": "secret"} | fields)


def work(runtime, number):
    while left := open_jobs_of(runtime.services(), number):
        handler = partial(HANDLERS[runtime.ledger.get(left[0]).kind], runtime.services())
        run_job(runtime.ledger, left[0], handler, owner="test")


def test_a_column_is_reencrypted_and_its_progress_shown(client, runtime, broker, shop):
    answer = ask(client)
    assert answer.status_code == 202
    begun = answer.json()
    assert (begun["state"], begun["total_rows"], begun["processed"]) == ("pending", ROWS, 0)
    assert answer.headers["Location"] == f"/v1/reencryptions/{begun['id']}"
    assert ask(client).status_code == 409

    assert str(broker.taken.get(timeout=30).job_id) == str(open_jobs_of(runtime.services(), begun["id"])[0])

    work(runtime, begun["id"])

    done = client.get(f"/v1/reencryptions/{begun['id']}").json()
    assert (done["state"], done["processed"], done["errors"]) == ("finished", ROWS - 1, 1)
    assert done["rows_by_version"] == {"v1": ROWS - 1, "?": 1}
    [row] = client.get("/v1/reencryptions/quarantine").json()
    assert (row["key"], row["reason"]) == ([3], "columns.not_a_token")
    assert [one["id"] for one in client.get("/v1/reencryptions?state=finished").json()] == [begun["id"]]
    with sqlite3.connect(shop) as connection:
        tokens = [token for (token,) in connection.execute("SELECT secret FROM users WHERE id <> 3")]
    assert all(token.startswith("v1:g1.") for token in tokens)


def test_it_is_paused_resumed_and_cancelled(client, shop):
    number = ask(client).json()["id"]

    assert client.post(f"/v1/reencryptions/{number}/pause").json()["state"] == "paused"
    assert client.post(f"/v1/reencryptions/{number}/resume").json()["state"] == "pending"
    cancelled = client.post(f"/v1/reencryptions/{number}/cancel").json()
    assert (cancelled["state"], cancelled["last_error"]["code"]) == ("failed", "rotation.cancelled")
    assert client.post(f"/v1/reencryptions/{number}/pause").status_code == 409


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"table": "nowhere"}, 404, "rotation.table_not_found"),
        ({"column": "nothing"}, 404, "rotation.column_not_found"),
        ({"database": "none"}, 404, "settings.unknown_database"),
        ({"column": "id"}, 422, "rotation.column_not_text"),
    ],
)
def test_what_cannot_be_done_is_a_problem(client, shop, fields, status, code):
    answer = ask(client, **fields)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_number_that_is_none_is_not_found(client):
    for method, path in (("GET", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/cancel")):
        assert client.request(method, f"/v1/reencryptions/99{path}").status_code == 404
