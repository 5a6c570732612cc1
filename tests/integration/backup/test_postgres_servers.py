"""Several databases of one server from backup to restore, and what is said of those that cannot be had."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.backup.database_wish import DatabaseWish
from strongroom.backup.errors import DatabaseNotInBackupError, TargetNameError
from strongroom.backup.planning import RestorePlan, plan_restore
from strongroom.backup.restore_requests import RestoreRequest, request_restore
from strongroom.backup.roles import read_globals
from strongroom.backup.targets import PostgresTargetRequest
from strongroom.catalog.jobs import Job
from strongroom.cli.main import main
from strongroom.repository.reader import BackupReader
from strongroom.sources.postgres.holding import held_databases
from strongroom.testing.postgres import ScratchPostgres
from strongroom.tree.content import Enter, Item
from tests.integration.backup.conftest import TRACE, House
from tests.integration.sources.comparing import contents
from tests.integration.sources.dumps import databases
from tests.services.audit import audit_rows

SHOP = "CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS note FROM generate_series(1, 3000) AS n"
CRM = (
    "CREATE SCHEMA sales; CREATE TABLE sales.customer (id int PRIMARY KEY, name text); INSERT INTO sales.customer "
    "SELECT n, 'name ' || n FROM generate_series(1, 500) AS n"
)


class Shops:
    """A server with two databases, and an installation that backs them up."""

    def __init__(self, house: House, server: ScratchPostgres) -> None:
        self.house = house
        self.server = server
        self.mark = secrets.token_hex(4)
        self.names = (self.name("shop"), self.name('Odd "Na/me" %é'))
        for name, statements in zip(self.names, (SHOP, CRM), strict=True):
            server.create_database(name)
            with server.connect(name) as connection:
                connection.execute(statements.encode())

    def name(self, text: str) -> str:
        """Return a name that belongs to this test alone."""
        return f"{text} {self.mark}"

    def configure(self, *, secret: str | None = None, **keys: Any) -> None:
        """Write the source and read the configuration anew."""
        known = {"kind": "postgres", "host": self.server.host, "port": self.server.port, "user": self.server.user}
        known |= {"databases": [f"*{self.mark}"], "password_env": "SERVER_PASSWORD"} | keys
        lines = [f"{key} = {spelled(value)}" for key, value in known.items()]
        self.house.configure("[sources.server]\n" + "\n".join(lines), SERVER_PASSWORD=secret or self.server.password)

    def back_up(self, *, secret: str | None = None, **keys: Any) -> Job:
        """Make a backup with these settings; returns its job."""
        self.configure(secret=secret, **keys)
        return self.house.run(self.house.request("server"))

    def restore(self, backup: Job, template: str, wish: DatabaseWish | None = None, **options: Any) -> Job:
        """Restore databases under names made of the template."""
        target = PostgresTargetRequest("server", template)
        overwrite = bool(options.get("overwrite"))
        request = RestoreRequest(str(backup.id), None, target, overwrite, template, None, TRACE, databases=wish)
        return self.house.run(self.house.services.ledger.get(request_restore(self.house.services, request).id))

    def plan(self, backup: Job, template: str, *, overwrite: bool = False) -> RestorePlan:
        """Plan a restore of all databases."""
        target = PostgresTargetRequest("server", template)
        request = RestoreRequest(str(backup.id), None, target, overwrite, None, None, TRACE)
        return plan_restore(self.house.services, request)

    def reader(self, backup: Job) -> BackupReader:
        """Open a backup at home."""
        services = self.house.services
        return BackupReader(services.open_repository(), services.stores["eu"], services.keks["eu"], "server", backup.id)

    def entries(self, backup: Job) -> list[str]:
        """Return the names at the top of a backup and in its directories."""
        steps = self.reader(backup).walk()
        return [step.entry.name.decode() for step in steps if isinstance(step, Enter | Item)][1:]

    def content(self, backup: Job, name: bytes) -> str:
        """Return an entry of a backup as text."""
        reader = self.reader(backup)
        entry = next(step.entry for step in reader.walk() if isinstance(step, Item) and step.entry.name == name)
        return b"".join(reader.stream(entry)).decode()

    def is_restored(self, database: str, copy: str) -> bool:
        """Say whether a copy holds what the database holds."""
        return contents(self.server, copy) == contents(self.server, database)

    def clean(self) -> None:
        """Drop every database of the test."""
        for name in databases(self.server):
            if self.mark in name:
                self.server.drop_database(name)


def spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


@pytest.fixture
def shops(small_house: House, postgres_server: ScratchPostgres) -> Iterator[Shops]:
    shops = Shops(small_house, postgres_server)
    yield shops
    shops.clean()


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_every_database_comes_back_row_by_row(shops: Shops, form: str) -> None:
    backup = shops.back_up(format=form)
    assert backup.state == "succeeded", backup.last_error

    restored = shops.restore(backup, "copy of {database}")

    assert restored.state == "succeeded", restored.last_error
    assert [shops.is_restored(name, f"copy of {name}") for name in shops.names] == [True, True]
    assert list(shops.house.services.settings.scratch_dir.glob("spool-*")) == []


def test_each_database_is_an_entry_with_a_safe_name(shops: Shops) -> None:
    backup = shops.back_up()

    assert shops.entries(backup) == [
        f'Odd "Na%2Fme" %25é {shops.mark}.dump',
        f"shop {shops.mark}.dump",
    ]
    held = held_databases(shops.house.backup(backup).facts)
    assert sorted(database.name for database in held) == sorted(shops.names)
    assert all(database.bytes > 1_000_000 for database in held)


def test_one_of_several_databases_is_restored_by_name(shops: Shops) -> None:
    backup = shops.back_up()

    restored = shops.restore(backup, shops.name("one"), DatabaseWish(databases=(shops.names[0],)))

    assert restored.state == "succeeded", restored.last_error
    assert shops.is_restored(shops.names[0], shops.name("one"))


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_several_connections_may_fill_a_database(shops: Shops, form: str) -> None:
    backup = shops.back_up(format=form, jobs=3)
    wish = DatabaseWish(databases=(shops.names[1],), jobs=2)
    shops.server.create_database(shops.name("empty"))

    restored = shops.restore(backup, shops.name("empty"), wish)

    assert restored.state == "succeeded", restored.last_error
    assert shops.is_restored(shops.names[1], shops.name("empty"))


def test_several_databases_do_not_fit_into_one(shops: Shops) -> None:
    backup = shops.back_up()

    with pytest.raises(TargetNameError, match="2 databases"):
        shops.restore(backup, "one")
    with pytest.raises(DatabaseNotInBackupError, match="'absent'"):
        shops.restore(backup, "one", DatabaseWish(databases=("absent",)))


def test_every_target_is_looked_at_before_the_first_is_filled(shops: Shops) -> None:
    backup = shops.back_up()
    taken = f"copy of {shops.names[0]}"
    shops.server.create_database(taken)
    with shops.server.connect(taken) as connection:
        connection.execute("CREATE TABLE mine ()")

    restored = shops.restore(backup, "copy of {database}")

    assert restored.last_error
    assert restored.last_error["code"] == "sources.target_not_empty"
    assert f"copy of {shops.names[1]}" not in databases(shops.server)


def test_a_name_that_is_not_there_makes_the_backup_partial(shops: Shops) -> None:
    backup = shops.back_up(databases=[*shops.names, "absent", "crm_*"], exclude_databases=["*shop*"])

    made = shops.house.backup(backup)
    assert backup.state == "succeeded"
    assert [(problem["path"], problem["kind"]) for problem in made.problems] == [
        ("absent", "vanished"),
        ("crm_*", "vanished"),
    ]
    assert [held.name for held in held_databases(made.facts)] == [shops.names[1]]


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"databases": ["absent"]}, "sources.database_not_found"),
        ({"databases": ["no_*", "absent"]}, "sources.database_not_found"),
        ({"exclude_databases": ["*"]}, "sources.database_not_found"),
        ({"tables": ["no.such"]}, "sources.dump_selection"),
        ({"tables": ["no.such"], "format": "directory"}, "sources.dump_selection"),
        ({"schemas": ["a.b.c.d"]}, "sources.dump_selection"),
    ],
)
def test_a_backup_without_a_single_database_fails_for_good(shops: Shops, keys: dict[str, Any], code: str) -> None:
    backup = shops.back_up(**keys)

    assert (backup.state, backup.last_error and backup.last_error["code"]) == ("failed", code)


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_a_pattern_that_fits_in_one_database_only_leaves_the_other_out(shops: Shops, form: str) -> None:
    backup = shops.back_up(tables=["sales.*"], format=form)

    made = shops.house.backup(backup)
    assert backup.state == "succeeded", backup.last_error
    assert [problem["path"] for problem in made.problems] == [shops.names[0]]
    assert "no matching tables" in made.problems[0]["reason"]
    assert [held.name for held in held_databases(made.facts)] == [shops.names[1]]
    assert not any("shop" in name for name in shops.entries(backup))
    assert shops.restore(backup, "copy of {database}").state == "succeeded"


def test_schemas_and_tables_are_chosen_at_the_backup(shops: Shops) -> None:
    with shops.server.connect(shops.names[1]) as connection:
        connection.execute("CREATE TABLE sales.log AS SELECT 1 AS n; CREATE TABLE sales.tmp_x (); CREATE SCHEMA audit")
    backup = shops.back_up(
        databases=[shops.names[1]], schemas=["sales"], exclude_tables=["sales.tmp_*"], exclude_table_data=["sales.log"]
    )

    shops.restore(backup, shops.name("chosen"))

    with shops.server.connect(shops.name("chosen")) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'sales'::regnamespace"
        )
        assert sorted(row[0] for row in tables.fetchall()) == ["customer", "log"]
        assert connection.execute("SELECT count(*) FROM sales.log").fetchone() == (0,)
        assert connection.execute("SELECT to_regnamespace('audit')").fetchone() == (None,)


def test_a_table_that_stays_locked_is_told_and_tried_again(shops: Shops) -> None:
    with shops.server.connect(shops.names[0]) as holder, holder.transaction():
        holder.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        alone = shops.back_up(databases=[shops.names[0]], lock_timeout_seconds=1)
        together = shops.back_up(lock_timeout_seconds=1)

    assert alone.last_error
    assert alone.last_error["code"] == "sources.lock_timeout"
    assert alone.state != "failed"
    assert [problem["path"] for problem in shops.house.backup(together).problems] == [shops.names[0]]


def test_a_role_that_may_not_read_one_database_is_told_the_missing_right(shops: Shops) -> None:
    role = f"poor_{shops.mark}"
    with shops.server.connect(shops.names[0]) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'; GRANT SELECT ON orders TO {role}".encode())
    try:
        shops.configure(user=role, secret="pw")
        backup = shops.house.run(shops.house.request("server"))
    finally:
        with shops.server.connect(shops.names[0]) as connection:
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())

    problems = shops.house.backup(backup).problems
    assert [problem["path"] for problem in problems] == [shops.names[1]]
    assert "pg_read_all_data" in problems[0]["reason"]


def test_roles_are_backed_up_with_the_hashes_of_their_passwords(shops: Shops) -> None:
    backup = shops.back_up(globals=True)

    made = shops.house.backup(backup)
    assert (backup.state, made.problems, made.facts["globals"]) == ("succeeded", [], "with passwords")
    assert shops.entries(backup)[1] == "globals.sql"
    assert "PASSWORD 'SCRAM" in shops.content(backup, b"globals.sql")


def test_whoever_has_the_hashes_printed_is_in_the_audit_log(
    shops: Shops, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    backup = shops.back_up(databases=[shops.names[0]], globals=True)
    settings = shops.house.services.settings
    monkeypatch.setenv("STRONGROOM_CATALOG_URL", settings.catalog_url.get_secret_value())
    monkeypatch.setenv("STRONGROOM_CONFIG", str(shops.house.directory / "strongroom.toml"))
    monkeypatch.setenv("SERVER_PASSWORD", shops.server.password)
    capfd.readouterr()

    assert main(["restore", "roles", "latest:server"]) == 0

    assert "PASSWORD 'SCRAM" in capfd.readouterr().out
    (row,) = audit_rows(shops.house.services.catalog, operation="cli: restore roles")
    assert (row.action, row.outcome, row.target) == ("sensitive_read", "done", str(backup.id))
    assert row.reason == "roles and tablespaces of server"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_role_that_reads_no_passwords_backs_up_roles_without_them(shops: Shops, wanted: bool) -> None:
    role = f"poor_{shops.mark}"
    with shops.server.connect(shops.names[0]) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'; GRANT SELECT ON orders TO {role}".encode())
    try:
        backup = shops.back_up(secret="pw", user=role, databases=[shops.names[0]], globals=True, role_passwords=wanted)
    finally:
        with shops.server.connect(shops.names[0]) as connection:
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())

    made = shops.house.backup(backup)
    assert (backup.state, made.facts["globals"]) == ("succeeded", "without passwords")
    assert ["role_passwords = false" in problem["reason"] for problem in made.problems] == [True] * wanted
    assert "PASSWORD" not in shops.content(backup, b"globals.sql")


def test_the_plan_says_what_the_target_is_and_what_would_end_the_restore(shops: Shops) -> None:
    backup = shops.back_up(format="directory")
    taken = f"copy of {shops.names[0]}"
    shops.server.create_database(taken)
    with shops.server.connect(taken) as connection:
        connection.execute("CREATE TABLE mine ()")

    plan = shops.plan(backup, "copy of {database}")

    assert {one.target: one.state for one in plan.found.databases} == {
        taken: "filled",
        f"copy of {shops.names[1]}": "absent",
    }
    assert [one.tables for one in plan.found.databases] == [1, 1]
    assert all(one.server_version == shops.server.toolset.version for one in plan.found.databases)
    assert [obstacle.startswith(f"{taken}: ") and "not empty" in obstacle for obstacle in plan.found.obstacles] == [
        True
    ]


def test_the_plan_of_an_overwrite_has_no_obstacle(shops: Shops) -> None:
    backup = shops.back_up(databases=[shops.names[0]])

    assert shops.plan(backup, shops.names[0]).found.obstacles != ()
    assert shops.plan(backup, shops.names[0], overwrite=True).found.obstacles == ()
    assert shops.plan(backup, shops.name("new")).found.databases[0].state == "absent"


def test_roles_are_given_back_as_sql_without_those_that_are_there(shops: Shops) -> None:
    gone, kept = f"Gone {shops.mark}", f"kept_{shops.mark}"
    with shops.server.connect() as connection:
        connection.execute(
            f"CREATE ROLE \"{gone}\" LOGIN PASSWORD 'a;b'; COMMENT ON ROLE \"{gone}\" IS 'it''s; \n-- odd';"
            f'CREATE ROLE {kept} IN ROLE "{gone}"; ALTER ROLE "{gone}" SET work_mem = \'7MB\''.encode()
        )
    try:
        backup = shops.back_up(globals=True)
        with shops.server.connect() as connection:
            connection.execute(f'DROP ROLE "{gone}"'.encode())
        found = read_globals(shops.house.services, backup.id, None, missing_on="server")
        with shops.server.connect() as connection:
            connection.execute(found.script.encode())
            comment = connection.execute(
                "SELECT shobj_description(oid, 'pg_authid'), rolconfig, pg_has_role(%s, oid, 'member') "
                "FROM pg_roles WHERE rolname = %s",
                [kept, gone],
            ).fetchone()
    finally:
        with shops.server.connect() as connection:
            connection.execute(f'DROP ROLE IF EXISTS {kept}, "{gone}"'.encode())

    assert comment == ("it's; \n-- odd", ["work_mem=7MB"], True)
    assert {f"role {kept}", "role postgres"} <= set(found.skipped)
    assert "postgres WITH" not in found.script
