"""What PostgreSQL can do to a re-encryption: it goes on where it was, or says what is wrong."""

import threading
from itertools import count

import psycopg
import pytest

from strongroom.catalog.reencryption import ReencryptionRange
from strongroom.rotation import postgres, references
from strongroom.rotation.campaigns import open_jobs_of
from strongroom.rotation.opening import open_table
from strongroom.rotation.postgres import PostgresTable
from strongroom.rotation.recording import Recorder
from strongroom.rotation.registry import register_column
from strongroom.rotation.retiring import live_needs
from strongroom.testing.postgres import ScratchPostgres
from tests.integration.rotation.site import Site
from tests.integration.rotation.storm import run_once
from tests.integration.rotation.tables import Application

CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def error_of(site, number):
    return site.services.ledger.get(open_jobs_of(site.services, number)[0]).last_error["code"]


def test_connections_that_are_cut_in_a_batch_cost_one_attempt(postgres_site, monkeypatch):
    application = postgres_site.found(200)
    number = postgres_site.request(application)
    settle, cut = Recorder.settle, []

    def cutting(self, block, written):
        if not cut:
            cut.append(1)
            with postgres_site.engine.connect() as connection:
                connection.exec_driver_sql(CUT)
        settle(self, block, written)

    monkeypatch.setattr(Recorder, "settle", cutting)
    run_once(postgres_site, number)
    assert error_of(postgres_site, number) == "rotation.target_unavailable"
    while postgres_site.job(number).state != "finished":
        run_once(postgres_site, number)

    assert {str(token)[:3] for token in application.tokens().values()} == {"v2:"}


def test_a_row_whose_trigger_takes_too_long_is_named_as_the_reason(postgres_site, monkeypatch):
    monkeypatch.setattr(postgres, "STATEMENT_TIMEOUT", "100ms")
    application = postgres_site.found(30)
    slow = sorted(application.tokens())[7][0]
    application.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NEW; END'"
    )
    trigger = "CREATE TRIGGER slow BEFORE UPDATE ON secret_number FOR EACH ROW"
    application.execute(f"{trigger} WHEN (NEW.id = {slow}) EXECUTE FUNCTION slow()")
    number = postgres_site.request(application)

    run_once(postgres_site, number)

    assert error_of(postgres_site, number) == "rotation.statement_too_slow"
    application.execute("DROP TRIGGER slow ON secret_number")
    while postgres_site.job(number).state != "finished":
        run_once(postgres_site, number)
    assert postgres_site.job(number).rows_by_version == {"v2": 30}


def work_as_reader(site):
    shop = site.services.settings.databases["shop"]
    url = site.engine.url.set(username="reader", password="reader", drivername="postgresql")
    reader = type(shop.url)(url.render_as_string(hide_password=False))
    site.services.settings.databases["shop"] = shop.model_copy(update={"url": reader})


def test_rows_that_a_policy_hides_from_the_role_are_not_taken_for_none(postgres_site):
    application = postgres_site.found(5)
    application.execute("ALTER TABLE secret_number ENABLE ROW LEVEL SECURITY")
    application.execute("CREATE POLICY few ON secret_number USING (id > 1000)")
    application.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    application.execute("GRANT SELECT, UPDATE ON secret_number TO reader")
    with postgres_site.services.catalog.begin() as session:
        register_column(session, application.target, None)
    work_as_reader(postgres_site)

    kept = live_needs(postgres_site.services, ["v1"])["v1"]

    assert [reason.partition(": ")[0] for reason in kept] == ["shop:secret_number.secret could not be counted"]
    application.execute("DROP OWNED BY reader; DROP ROLE reader")


def test_rows_that_are_not_committed_yet_keep_their_version(postgres_site, monkeypatch):
    monkeypatch.setattr(references, "WRITERS_AWAITED_SECONDS", 0.2)
    application = postgres_site.found(5)
    with postgres_site.services.catalog.begin() as session:
        register_column(session, application.target, None)
    application.execute("DELETE FROM secret_number")
    with postgres_site.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO secret_number (id, secret) VALUES (1, 'v1:g1.x')")

        kept = live_needs(postgres_site.services, ["v1"])["v1"]

    assert [reason.partition(": ")[0] for reason in kept] == ["shop:secret_number.secret could not be counted"]
    assert live_needs(postgres_site.services, ["v1"])["v1"] == ["1 rows of shop:secret_number.secret are under it"]
    assert live_needs(postgres_site.services, ["v9"])["v9"] == []


def test_a_role_without_the_right_to_update_is_told_so(postgres_site):
    application = postgres_site.found(5)
    application.execute("ALTER TABLE secret_number OWNER TO pg_database_owner")
    application.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    application.execute("GRANT SELECT ON secret_number TO reader")
    number = postgres_site.request(application)
    work_as_reader(postgres_site)

    while open_jobs_of(postgres_site.services, number):
        run_once(postgres_site, number)

    job = postgres_site.job(number)
    assert (job.state, job.last_error["code"]) == ("failed", "rotation.target_refused")
    application.execute("DROP OWNED BY reader; DROP ROLE reader")


def test_a_deadlock_with_the_application_is_survived(postgres_site):
    application = postgres_site.found(60)
    ids = sorted(key[0] for key in application.tokens())
    number = postgres_site.request(application)
    holding, done = threading.Event(), threading.Event()

    def hold():
        with postgres_site.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE secret_number SET note = 'a' WHERE id = {ids[30]}")
            holding.set()
            done.wait(1.5)
            connection.exec_driver_sql(f"UPDATE secret_number SET note = 'a' WHERE id = {ids[5]}")

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(10)
    while postgres_site.job(number).state != "finished":
        run_once(postgres_site, number)
    done.set()
    holder.join()

    assert {str(token)[:3] for token in application.tokens().values()} == {"v2:"}


@pytest.mark.parametrize("waits", ["on", "off"])
def test_no_row_behind_the_cursor_is_undone_by_a_crash_of_the_server(tmp_path, sqlite_catalog_url, monkeypatch, waits):
    monkeypatch.setattr("strongroom.rotation.recording.SECONDS_BETWEEN_RECORDS", 0.0)
    with ScratchPostgres(durable=True) as server:
        server.create_database("shop")
        with server.connect() as connection:
            connection.execute(f"ALTER DATABASE shop SET synchronous_commit = {waits}")
        site = Site(tmp_path, sqlite_catalog_url, server.url("shop"))
        number = site.request(site.found(2_000))
        finish, finished = PostgresTable.finish, count(1)

        def crash(table: PostgresTable) -> int:
            rows = finish(table)
            if next(finished) == 50:
                server.stop(immediate=True)
            return rows

        with monkeypatch.context() as patch:
            patch.setattr(PostgresTable, "finish", crash)
            site.run(number)
        server.start()
        with server.connect("shop") as connection, site.services.catalog.read() as session:
            (cursor,) = session.get_one(ReencryptionRange, (number, 0)).cursor
            undone = "SELECT count(*) FROM secret_number WHERE id <= %s AND NOT starts_with(secret, 'v2:')"
            assert connection.execute(undone, [cursor]).fetchone() == (0,)
        assert cursor > 500

        while site.job(number).state != "finished":
            run_once(site, number)
        assert site.job(number).rows_by_version == {"v2": 2_000}
        site.close()


def test_sessions_of_others_are_seen_and_those_of_re_encryptions_are_not(postgres_engine, database):
    target = Application.make(postgres_engine).target
    table = open_table(postgres_engine, target)
    second = open_table(postgres_engine, target)
    assert table.measure_strain().others == 0

    with psycopg.connect(database) as other:
        other.execute("SELECT 1")
        assert table.measure_strain().others == 1

    second.close()
    table.close()
