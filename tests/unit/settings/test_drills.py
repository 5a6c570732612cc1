"""Checks of a drill are questions in SQL, and say which database they ask."""

from pathlib import Path

import pytest

from strongroom.settings import ConfigError, load_settings

SOURCE = """
[regions.eu]
path = "eu"
[sources.shop]
kind = "postgres"
user = "backup"
{databases}
[[sources.shop.drill.checks]]
name = "orders"
{check}
"""


def load(tmp_path: Path, check: str, databases: str = 'dbname = "shop"') -> None:
    path = tmp_path / "strongroom.toml"
    path.write_text(SOURCE.format(check=check, databases=databases))
    load_settings(path, {})


@pytest.mark.parametrize(
    "sql", ["SELECT true", "select 1 > 0", "-- a remark\nWITH a AS (SELECT 1) SELECT true FROM a", "(SELECT true)"]
)
def test_a_question_is_taken(tmp_path: Path, sql: str) -> None:
    load(tmp_path, f"sql = '''{sql}'''")


@pytest.mark.parametrize(
    "sql", ["", "orders", "DELETE FROM orders", "/* SELECT */ DROP TABLE orders", "EXPLAIN SELECT 1"]
)
def test_what_is_no_question_is_refused_with_its_line(tmp_path: Path, sql: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, f"sql = '''{sql}'''")

    (mistake,) = refused.value.mistakes
    assert "This is not SQL that asks something" in mistake.what
    assert mistake.line == 10


def test_with_several_databases_a_check_names_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not say which database it asks"):
        load(tmp_path, 'sql = "SELECT true"', 'databases = ["shop", "crm"]')
    load(tmp_path, 'sql = "SELECT true"\ndatabase = "crm"', 'databases = ["shop", "crm"]')


def test_a_drill_that_is_never_due_is_written_as_never(tmp_path: Path) -> None:
    path = tmp_path / "strongroom.toml"
    path.write_text('[regions.eu]\npath = "eu"\n[sources.a]\nkind = "files"\npath = "a"\ndrill = { cron = "never" }\n')

    assert load_settings(path, {}).sources["a"].drill.cron == "never"
