"""Statements without the ORM bind their rows, or are refused with a sentence that helps."""

import pytest
from sqlalchemy import Engine, bindparam, exc, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from strongroom.columns.errors import (
    ColumnUseError,
    NotATokenError,
    RowIdError,
    RowUnknownError,
    ValueTooLongError,
    ValueTypeError,
)
from tests.integration.columns.shop import Note, User, stored

USERS = User.__table__
NOTES = Note.__table__


def secrets(engine: Engine) -> list[tuple[int, str | None]]:
    with engine.connect() as connection:
        rows = connection.execute(select(User.id, User.otp_secret).order_by(User.id))
        return [(number, secret) for number, secret in rows]


@pytest.mark.parametrize("keys_of_the_client", [True, False])
def test_rows_are_inserted_one_and_many_at_a_time(engine: Engine, keys_of_the_client: bool):
    def row(number: int) -> dict[str, object]:
        return {"_otp_secret": f"s{number}"} | ({"id": number} if keys_of_the_client else {})

    with engine.begin() as connection:
        connection.execute(insert(USERS), row(1))
        connection.execute(insert(USERS).values(**row(2)))
        connection.execute(insert(USERS), [row(number) for number in range(3, 40)])

    assert secrets(engine) == [(number, f"s{number}") for number in range(1, 40)]


def test_rows_are_updated_by_their_whole_key(engine: Engine):
    with engine.begin() as connection:
        connection.execute(insert(USERS), [{"id": 1, "_otp_secret": "a"}, {"id": 2, "_otp_secret": "b"}])
        connection.execute(update(USERS).where(USERS.c.id == 1).values(_otp_secret="A"))
        connection.execute(
            update(USERS)
            .where(USERS.c.id == bindparam("key"), USERS.c.name.is_(None))
            .values(_otp_secret=bindparam("new")),
            [{"key": 2, "new": "B"}, {"key": 3, "new": "C"}],
        )

    assert secrets(engine) == [(1, "A"), (2, "B")]


def test_a_row_comes_back_from_the_statement_that_wrote_it(engine: Engine):
    with engine.begin() as connection:
        row = {"id": 5, "_otp_secret": "s"}
        returned = connection.execute(insert(USERS).returning(USERS.c.id, USERS.c["_otp_secret"]), row).one()
        changed = connection.execute(
            update(USERS).where(USERS.c.id == 5).values(_otp_secret="t").returning(USERS.c["_otp_secret"])
        ).scalar_one()

    assert (tuple(returned), changed) == ((5, "s"), "t")


@pytest.mark.parametrize("key", ["007", True, "7"])
def test_a_key_that_the_database_takes_for_a_number_is_one(engine: Engine, key: object):
    if engine.dialect.name == "postgresql" and key is True:
        pytest.skip("PostgreSQL refuses a boolean key")
    with engine.begin() as connection:
        connection.execute(insert(USERS), {"id": key, "_otp_secret": "s"})

    assert [secret for _, secret in secrets(engine)] == ["s"]


def test_what_does_not_name_its_rows_is_refused(engine: Engine):
    upsert = postgres_insert if engine.dialect.name == "postgresql" else sqlite_insert
    overwriting = upsert(USERS).values(id=1, _otp_secret="s")
    overwriting = overwriting.on_conflict_do_update(
        index_elements=["id"], set_={"_otp_secret": overwriting.excluded["_otp_secret"]}
    )
    for statement in (
        insert(USERS).values([{"id": 1, "_otp_secret": "s"}]),
        insert(USERS).from_select(["_otp_secret"], select(USERS.c["_otp_secret"])),
        overwriting,
        insert(USERS).values(_otp_secret="s").returning(USERS.c.id),
        update(USERS).values(_otp_secret="s"),
        update(USERS).where(USERS.c.id > 1).values(_otp_secret="s"),
        update(USERS).where((USERS.c.id == 1) | (USERS.c.id == 2)).values(_otp_secret="s"),
        update(USERS).where(USERS.c.id == 1).ordered_values((USERS.c["_otp_secret"], "s")),
        update(NOTES).where(NOTES.c.year == 1).values(body="s"),
    ):
        with engine.begin() as connection, pytest.raises((ColumnUseError, RowUnknownError)):
            connection.execute(statement)
    with engine.begin() as connection, pytest.raises(ColumnUseError):
        connection.execute(insert(USERS).values(_otp_secret="s"), [{"id": 1}, {"id": 2}])
    with engine.begin() as connection, pytest.raises(RowIdError):
        connection.execute(insert(USERS), {"id": "one", "_otp_secret": "s"})

    assert secrets(engine) == []


def test_an_upsert_that_leaves_the_column_alone_is_let_through(engine: Engine):
    upsert = postgres_insert if engine.dialect.name == "postgresql" else sqlite_insert
    statement = upsert(USERS).values(id=1, name="n", _otp_secret="s")
    with engine.begin() as connection:
        for _ in range(2):
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"name": "again"}))

    assert secrets(engine) == [(1, "s")]


def test_a_statement_that_sets_null_needs_no_row(engine: Engine):
    with engine.begin() as connection:
        connection.execute(insert(USERS), {"id": 1, "_otp_secret": "s"})
        connection.execute(update(USERS).values(_otp_secret=None))

    assert secrets(engine) == [(1, None)]


@pytest.mark.parametrize("keys_of_the_client", [True, False])
def test_what_is_too_long_is_refused_before_it_is_sent(engine: Engine, keys_of_the_client: bool):
    key = {"id": 1} if keys_of_the_client else {}
    fitting = {"_otp_secret": "x" * 342, "phone": "é" * 10}

    for column, text_ in (("_otp_secret", "x" * 343), ("phone", "é" * 11), ("phone", "x" * 21)):
        with engine.begin() as connection, pytest.raises(ValueTooLongError) as refused:
            connection.execute(insert(USERS), {**key, column: text_})
        assert "xx" not in str(refused.value)
    assert stored(engine, "id", "usuarios") == []
    with engine.begin() as connection:
        connection.execute(insert(USERS), {**key, **fitting})
    assert max(len(str(token)) for token in stored(engine, "_otp_secret", "usuarios")) <= 500


@pytest.mark.parametrize("value", [5, b"s", ["s"]])
def test_only_texts_are_written(engine: Engine, value: object):
    with engine.begin() as connection, pytest.raises(ValueTypeError):
        connection.execute(insert(USERS), {"id": 1, "_otp_secret": value})


def test_a_text_written_past_the_type_is_no_token(engine: Engine):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO usuarios (id, _otp_secret) VALUES (1, 'plain|text')"))

    with pytest.raises(NotATokenError) as refused:
        secrets(engine)
    assert "plain" not in str(refused.value)


def test_an_error_of_another_column_shows_no_text(engine: Engine):
    with engine.begin() as connection, pytest.raises(exc.StatementError) as refused:
        connection.execute(insert(USERS), {"id": 1, "_otp_secret": "a secret", "team": "no uuid"})

    assert "a secret" not in str(refused.value)
