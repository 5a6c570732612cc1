"""What PostgreSQL can do to a re-encryption: it goes on where it was, or says what is wrong."""

import threading

from strongroom.rotation import postgres
from strongroom.rotation.campaigns import open_jobs_of
from strongroom.rotation.recording import Recorder
from tests.integration.rotation.storm import run_once

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


def test_a_role_without_the_right_to_update_is_told_so(postgres_site):
    application = postgres_site.found(5)
    application.execute("ALTER TABLE secret_number OWNER TO pg_database_owner")
    application.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    application.execute("GRANT SELECT ON secret_number TO reader")
    number = postgres_site.request(application)
    shop = postgres_site.services.settings.databases["shop"]
    url = postgres_site.engine.url.set(username="reader", password="reader", drivername="postgresql")
    reader = type(shop.url)(url.render_as_string(hide_password=False))
    postgres_site.services.settings.databases["shop"] = shop.model_copy(update={"url": reader})

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
