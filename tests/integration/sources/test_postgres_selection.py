"""Single tables and schemas come back with all that belongs to them, and nothing in the target is lost."""

import pytest

from strongroom.sources.errors import DumpSelectionError, RestoreFailedError, TargetConflictError
from strongroom.sources.postgres.selection import DumpSelection, Part, split_name
from strongroom.testing.postgres import ScratchPostgres
from tests.integration.sources.comparing import contents
from tests.integration.sources.dumps import databases, dump, new_database, settings_for, tools_of

SAMPLE = """
    CREATE SCHEMA sales;
    CREATE TYPE sales.mood AS ENUM ('good', 'bad');
    CREATE FUNCTION sales.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note = 1; RETURN NEW; END';
    CREATE TABLE sales.customer (id serial PRIMARY KEY, mood sales.mood, note int CHECK (note > 0));
    CREATE INDEX by_mood ON sales.customer (mood);
    CREATE TRIGGER touched BEFORE INSERT ON sales.customer FOR EACH ROW EXECUTE FUNCTION sales.touch();
    INSERT INTO sales.customer (mood) SELECT 'good' FROM generate_series(1, 300);
    CREATE TABLE sales."Odd Name.d" (id int GENERATED ALWAYS AS IDENTITY, who int REFERENCES sales.customer);
    INSERT INTO sales."Odd Name.d" (who) SELECT n FROM generate_series(1, 50) AS n;
    CREATE VIEW sales.happy AS SELECT * FROM sales.customer WHERE mood = 'good';
    CREATE TABLE public.event (day date, n int) PARTITION BY RANGE (day);
    CREATE TABLE public.event_1 PARTITION OF public.event FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
    CREATE INDEX ON public.event (n);
    INSERT INTO public.event SELECT '2026-02-01', n FROM generate_series(1, 20) AS n;
"""
CUSTOMER = DumpSelection(tables=("sales.customer",))


@pytest.fixture(scope="module")
def shop(postgres_server):
    with new_database(postgres_server, SAMPLE) as name:
        yield name


@pytest.fixture(scope="module")
def shop_dump(postgres_server, shop, tmp_path_factory):
    return dump(settings_for(postgres_server, shop), tmp_path_factory.mktemp("scratch"))


@pytest.fixture
def settings(postgres_server, shop):
    return settings_for(postgres_server, shop)


@pytest.fixture
def target(postgres_server):
    """The name of a database that does not exist yet."""
    with new_database(postgres_server) as name:
        postgres_server.drop_database(name)
        yield name


def rows(server, database, query):
    with server.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def do(server, database, statements):
    with server.connect(database) as connection:
        connection.execute(statements.encode())


def test_one_table_comes_back_with_indexes_triggers_sequence_and_type(
    postgres_server, shop, shop_dump, settings, target, tmp_path
):
    assert shop_dump.restore_to(settings, target, tmp_path, selection=CUSTOMER) == []

    copy, whole = contents(postgres_server, target), contents(postgres_server, shop)
    assert copy["rows of sales.customer"] == whole["rows of sales.customer"]
    for what in ("indexes", "constraints", "triggers", "enums", "sequences"):
        assert copy[what] == [row for row in whole[what] if not any(n in str(row) for n in ("Odd", "event"))], what
    assert "rows of public.event" not in copy
    assert rows(postgres_server, target, "INSERT INTO sales.customer (mood) VALUES ('bad') RETURNING id") == [(301,)]


def test_a_foreign_key_to_a_table_that_is_not_chosen_is_left_out_and_told(
    postgres_server, shop_dump, settings, target, tmp_path
):
    selection = DumpSelection(tables=('sales."Odd Name.d"',))

    problems = shop_dump.restore_to(settings, target, tmp_path, selection=selection)

    assert [problem.path for problem in problems] == ["sales.Odd Name.d Odd Name.d_who_fkey"]
    assert rows(postgres_server, target, 'SELECT count(*) FROM sales."Odd Name.d"') == [(50,)]


def test_a_partitioned_table_brings_its_partitions(postgres_server, shop, shop_dump, settings, target, tmp_path):
    assert shop_dump.restore_to(settings, target, tmp_path, selection=DumpSelection(tables=("event",))) == []

    copy, whole = contents(postgres_server, target), contents(postgres_server, shop)
    assert copy["rows of public.event"] == whole["rows of public.event"]
    assert len(copy["indexes"]) == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_schema_comes_back_alone(postgres_server, shop, shop_dump, settings, target, tmp_path, jobs):
    selection = DumpSelection(schemas=("sales",))

    assert shop_dump.restore_to(settings, target, tmp_path, selection=selection, jobs=jobs) == []

    copy, whole = contents(postgres_server, target), contents(postgres_server, shop)
    assert {what for what in copy if what.startswith("rows")} == {"rows of sales.Odd Name.d", "rows of sales.customer"}
    assert all(copy[what] == whole[what] for what in ("views", "functions", "triggers", "rows of sales.customer"))


def test_definitions_come_first_and_rows_later(postgres_server, shop, shop_dump, settings, target, tmp_path):
    shop_dump.restore_to(settings, target, tmp_path, selection=DumpSelection(part=Part.SCHEMA))
    assert rows(postgres_server, target, "SELECT count(*) FROM sales.customer") == [(0,)]

    shop_dump.restore_to(settings, target, tmp_path, selection=DumpSelection(part=Part.DATA))

    assert contents(postgres_server, target) == contents(postgres_server, shop)
    with pytest.raises(TargetConflictError, match="hold rows already"):
        shop_dump.restore_to(settings, target, tmp_path, selection=DumpSelection(part=Part.DATA), overwrite=True)


def test_a_table_is_added_to_a_database_that_lacks_it(postgres_server, shop, shop_dump, settings, tmp_path):
    with new_database(postgres_server, SAMPLE) as filled:
        do(postgres_server, filled, "DROP VIEW sales.happy; DROP TABLE sales.customer CASCADE")

        problems = shop_dump.restore_to(settings, filled, tmp_path, selection=CUSTOMER)

        assert problems == []
        copy, whole = contents(postgres_server, filled), contents(postgres_server, shop)
        assert all(copy[what] == whole[what] for what in ("rows of sales.customer", "triggers", "sequences", "enums"))


def test_a_table_that_is_there_is_refused_and_left_alone(postgres_server, shop_dump, settings, tmp_path):
    with new_database(postgres_server, SAMPLE) as filled:
        do(postgres_server, filled, "DELETE FROM sales.customer WHERE id > 200")
        before = contents(postgres_server, filled)
        with pytest.raises(TargetConflictError, match=r"has sales\.customer.* already"):
            shop_dump.restore_to(settings, filled, tmp_path, selection=CUSTOMER)

        assert contents(postgres_server, filled) == before


def test_a_replaced_table_is_kept_aside(postgres_server, shop, shop_dump, settings, tmp_path):
    with new_database(postgres_server, SAMPLE) as filled:
        do(postgres_server, filled, "DELETE FROM sales.customer WHERE id > 200")

        problems = shop_dump.restore_to(settings, filled, tmp_path, selection=CUSTOMER, overwrite=True)

        told = {problem.path for problem in problems}
        assert told == {
            "sales.customer",
            "view sales.happy",
            'foreign key "Odd Name.d_who_fkey" of sales."Odd Name.d"',
        }
        assert rows(postgres_server, filled, "SELECT count(*) FROM sales.customer") == [(300,)]
        assert rows(postgres_server, filled, "SELECT count(*) FROM strongroom_replaced_1.customer") == [(200,)]
        copy, whole = contents(postgres_server, filled), contents(postgres_server, shop)
        assert set(whole["indexes"]) <= set(copy["indexes"])
        shop_dump.restore_to(settings, filled, tmp_path, selection=CUSTOMER, overwrite=True)
        assert rows(postgres_server, filled, "SELECT count(*) FROM strongroom_replaced_2.customer") == [(300,)]


@pytest.mark.parametrize("schema", ["sales", "public"])
def test_a_replaced_schema_is_kept_under_another_name(postgres_server, shop, shop_dump, settings, tmp_path, schema):
    selection = DumpSelection(schemas=(schema,))
    with new_database(postgres_server, SAMPLE) as filled:
        with pytest.raises(TargetConflictError, match=f"schema {schema}"):
            shop_dump.restore_to(settings, filled, tmp_path, selection=selection)

        problems = shop_dump.restore_to(settings, filled, tmp_path, selection=selection, overwrite=True)

        assert [problem.path for problem in problems] == [schema]
        copy, whole = contents(postgres_server, filled), contents(postgres_server, shop)
        assert all(copy[what] == found for what, found in whole.items() if what.startswith("rows"))
        kept = f"rows of strongroom_replaced_1_{schema}."
        assert any(what.startswith(kept) for what in copy)


def test_a_part_that_fails_half_way_changes_nothing(postgres_server, shop_dump, settings, tmp_path):
    with new_database(postgres_server, SAMPLE) as filled:
        # The rows can be restored, the index cannot.
        do(postgres_server, filled, "DROP INDEX sales.by_mood; CREATE TABLE sales.by_mood ()")
        before = contents(postgres_server, filled)
        with pytest.raises(RestoreFailedError, match="by_mood"):
            shop_dump.restore_to(settings, filled, tmp_path, selection=CUSTOMER, overwrite=True)

        assert contents(postgres_server, filled) == before
    assert list(tmp_path.iterdir()) == []


def test_what_the_dump_does_not_hold_is_refused_before_anything_is_made(
    postgres_server, shop_dump, settings, target, tmp_path
):
    for selection in (DumpSelection(tables=("absent",)), DumpSelection(tables=("sales.a*",))):
        with pytest.raises(DumpSelectionError, match="holds no table"):
            shop_dump.restore_to(settings, target, tmp_path, selection=selection)
    with pytest.raises(DumpSelectionError, match="holds no schema"):
        shop_dump.restore_to(settings, target, tmp_path, selection=DumpSelection(schemas=("Sales",)))

    assert target not in databases(postgres_server)


@pytest.mark.parametrize(
    ("spelled", "parts"),
    [("a", (None, "a")), ("s.a", ("s", "a")), ('"s.x".a*', ("s.x", "a*")), ('s."A b.c"', ("s", "A b.c"))],
)
def test_names_of_tables_are_read(spelled, parts):
    assert split_name(spelled) == parts


@pytest.mark.parametrize("spelled", ["", ".a", "a.", "a.b.c", '"a'])
def test_what_is_no_name_of_a_table_is_refused(spelled):
    with pytest.raises(DumpSelectionError):
        split_name(spelled)


def test_the_newest_programs_put_a_table_into_an_older_server(tmp_path):
    with ScratchPostgres(major=15) as server, new_database(server, SAMPLE) as name:
        settings = settings_for(server, name, bin_dir=tools_of(18))
        dumped = dump(settings, tmp_path)

        dumped.restore_to(settings, name, tmp_path, selection=CUSTOMER, overwrite=True)

        assert rows(server, name, "SELECT count(*) FROM strongroom_replaced_1.customer") == [(300,)]
