"""A drill of databases restores them into a server of its own, counts their rows, and asks the declared questions."""

import json

import pytest

from strongroom.alerts.opening import AlertType, Severity
from strongroom.catalog.drills import DrillState
from strongroom.testing.postgres import ScratchPostgres
from tests.integration.drills.conftest import DrillHall

SHOP = """
    CREATE TABLE customer (id int PRIMARY KEY, name text);
    INSERT INTO customer SELECT n, 'name ' || n FROM generate_series(1, 200) AS n;
    CREATE TABLE "Odd ""Table" AS SELECT n AS id FROM generate_series(1, 30) AS n;
    CREATE TABLE session AS SELECT n AS id FROM generate_series(1, 5) AS n;
    CREATE TABLE parted (id int) PARTITION BY RANGE (id);
    CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (100);
    INSERT INTO parted SELECT n FROM generate_series(1, 40) AS n;
    CREATE MATERIALIZED VIEW names AS SELECT name FROM customer;
"""
CHECKS = """
[[sources.shop.drill.checks]]
name = "customers are there"
sql = "SELECT count(*) = 200 FROM customer"
[[sources.shop.drill.checks]]
name = "a view too"
sql = "WITH n AS (SELECT count(*) AS many FROM names) SELECT many > 1 FROM n"
"""


@pytest.fixture
def shop(hall: DrillHall, postgres_server: ScratchPostgres, database: str) -> DrillHall:
    """An installation that backs up a small database."""
    name = database.rpartition("/")[2]
    with postgres_server.connect(name) as connection:
        connection.execute(SHOP.encode())
    hall.serve(postgres_server, name, CHECKS)
    return hall


def check_with(shop: DrillHall, server: ScratchPostgres, database: str, *questions: str) -> None:
    tables = [f"[[sources.shop.drill.checks]]\nname = {json.dumps(sql)}\nsql = {json.dumps(sql)}" for sql in questions]
    shop.serve(server, database.rpartition("/")[2], "\n".join(tables))


def test_a_database_is_restored_counted_and_asked(shop: DrillHall):
    backup = shop.back_up_shop()

    job = shop.hold("shop")

    drill = shop.drill(job)
    assert (job.state, drill.state, drill.report) == ("succeeded", DrillState.PASSED, drill.report)
    report = drill.report or {}
    assert (report["tables"], report["rows"]) == (4, 275)
    assert [check["name"] for check in report["checks"]][1:] == ["customers are there", "a view too"]
    assert set(report["phases"]) == {"opening", "preparing", "restoring", "checking"}
    assert report["software"]["postgres"]
    assert shop.left() == []
    assert "row_counts" not in shop.house.backup(backup).facts


def test_rows_that_are_missing_fail_the_drill(
    shop: DrillHall, monkeypatch: pytest.MonkeyPatch, postgres_server: ScratchPostgres, database: str
):
    monkeypatch.setattr("strongroom.sources.postgres.counting.count_rows", lambda *_: 201)
    shop.back_up_shop()

    job = shop.hold("shop", region="eu")

    report = shop.drill(job).report or {}
    assert shop.drill(job).state is DrillState.FAILED
    assert report["failed_check_count"] == 4
    assert "200 rows, where there were 201" in {check["detail"] for check in report["checks"]}
    assert shop.alerts() == [(AlertType.INTEGRITY, Severity.CRITICAL, "drill.failed", "eu")]


def test_only_a_question_that_is_answered_with_true_holds(
    shop: DrillHall, postgres_server: ScratchPostgres, database: str
):
    questions = {
        "SELECT false": "the answer is false",
        "SELECT NULL::boolean": "the answer is NULL",
        "SELECT 1": "it is not a boolean",
        "SELECT true WHERE false": "it did not answer with one value",
        "SELECT count(*) > 0 FROM orders": 'relation "orders" does not exist',
        "SELECT name::int > 0 FROM customer": "the server answered with InvalidTextRepresentation",
        "WITH gone AS (DELETE FROM customer RETURNING 1) SELECT true": "read-only transaction",
    }
    check_with(shop, postgres_server, database, *questions, "SELECT true")
    shop.back_up_shop()

    report = shop.drill(shop.hold("shop")).report or {}

    found = {check["name"]: check["detail"] for check in report["checks"] if not check["passed"]}
    assert report["passed"] is False
    assert found.keys() == questions.keys()
    assert [sql for sql, detail in questions.items() if detail not in found[sql]] == []


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT count(* FROM customer", "syntax error"),
        ("SELECT true; DROP TABLE customer", "cannot insert multiple commands"),
    ],
)
def test_a_check_that_is_not_one_question_is_said_before_anything_is_restored(
    shop: DrillHall, postgres_server: ScratchPostgres, database: str, sql: str, why: str
):
    check_with(shop, postgres_server, database, sql)
    shop.back_up_shop()

    job = shop.hold("shop")

    assert job.state == "failed"
    assert (job.last_error or {})["code"] == "drills.bad_check"
    assert f"is not SQL: {why}" in (job.last_error or {})["message"]
    assert shop.drill(job).state is DrillState.OPEN
    assert shop.left() == []


def test_a_database_that_does_not_restore_fails_the_drill(
    shop: DrillHall, postgres_server: ScratchPostgres, database: str
):
    with postgres_server.connect(database.rpartition("/")[2]) as connection:
        connection.execute("CREATE ROLE clerk_of_drills")
        connection.execute("ALTER TABLE customer ENABLE ROW LEVEL SECURITY")
        connection.execute("CREATE POLICY own ON customer TO clerk_of_drills USING (id > 0)")
    try:
        shop.back_up_shop()
        job = shop.hold("shop")
    finally:
        with postgres_server.connect(database.rpartition("/")[2]) as connection:
            connection.execute("DROP POLICY own ON customer")
            connection.execute("DROP ROLE clerk_of_drills")

    assert shop.drill(job).state is DrillState.FAILED
    assert 'role "clerk_of_drills" does not exist' in (shop.drill(job).report or {})["fault"]


def test_with_its_roles_it_restores_and_says_when_nothing_was_counted(
    shop: DrillHall, postgres_server: ScratchPostgres, database: str
):
    name = database.rpartition("/")[2]
    with postgres_server.connect(name) as connection:
        connection.execute("CREATE ROLE clerk_with_roles")
        connection.execute("CREATE POLICY own ON customer TO clerk_with_roles USING (id > 0)")
    try:
        shop.serve(postgres_server, name, "globals = true\ncount_rows = false")
        shop.back_up_shop()
        job = shop.hold("shop")
    finally:
        with postgres_server.connect(name) as connection:
            connection.execute("DROP POLICY own ON customer")
            connection.execute("DROP ROLE clerk_with_roles")

    report = shop.drill(job).report or {}
    assert (report["passed"], report["tables"]) == (True, 0)
    assert "does not say how many rows" in report["notes"][0]


def test_a_dump_in_a_directory_is_counted_and_restored_too(
    shop: DrillHall, postgres_server: ScratchPostgres, database: str
):
    shop.serve(postgres_server, database.rpartition("/")[2], 'format = "directory"\nexclude_table_data = ["session"]')
    shop.back_up_shop()

    report = shop.drill(shop.hold("shop")).report or {}

    assert (report["passed"], report["tables"], report["rows"]) == (True, 3, 270)
