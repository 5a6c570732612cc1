"""The rows of a table whose comment says so are in no backup, and the backup says which tables those are."""

import json

import pytest

from strongroom.sources.opening import open_source
from strongroom.sources.postgres.holding import held_rows
from strongroom.tree.content import Item
from strongroom.tree.mark import ROWS_STAY_OUT
from tests.integration.sources.dumps import dump, new_database, read_piece, settings_for

SAMPLE = f"""
    CREATE SCHEMA "Odd.s";
    CREATE TABLE "Odd.s"."Keys ""x*" (id int);
    COMMENT ON TABLE "Odd.s"."Keys ""x*" IS '{ROWS_STAY_OUT}, because they are keys';
    INSERT INTO "Odd.s"."Keys ""x*" VALUES (41);
    CREATE TABLE kept (id int);
    COMMENT ON TABLE kept IS 'not one of "{ROWS_STAY_OUT}"';
    INSERT INTO kept VALUES (42), (43);
"""
ODD = ["Odd.s", 'Keys "x*']


@pytest.fixture(scope="module")
def shop(postgres_server):
    with new_database(postgres_server, SAMPLE) as name:
        yield name


def first_bytes(item):
    with item.content.open() as opened:
        piece = read_piece(opened)
        opened.settle()
    return piece


def test_a_marked_table_comes_back_empty_and_the_backup_names_it(postgres_server, shop, tmp_path):
    settings = settings_for(postgres_server, shop)
    dumped = dump(settings, tmp_path)

    assert json.loads(str(dumped.facts["rows_left_out"])) == {shop: [ODD]}
    assert [(row.table, row.rows) for row in held_rows(dumped.facts, shop)] == [("kept", 2)]
    with new_database(postgres_server) as target:
        assert dumped.restore_to(settings, target, tmp_path) == []
        with postgres_server.connect(target) as connection:
            assert connection.execute('SELECT * FROM "Odd.s"."Keys ""x*"').fetchall() == []
            assert connection.execute("SELECT * FROM kept ORDER BY 1").fetchall() == [(42,), (43,)]


def test_a_dump_in_a_directory_leaves_them_out_too(postgres_server, shop, tmp_path):
    settings = settings_for(postgres_server, shop, format="directory", jobs=2)
    with open_source(settings, tmp_path).open() as walk:
        held = [first_bytes(step) for step in walk if isinstance(step, Item)]

    assert any(b"42\n43\n" in text for text in held)
    assert not any(b"41\n" in text for text in held)
    assert "rows_left_out" in walk.facts()
