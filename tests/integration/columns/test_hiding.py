"""Neither texts nor keys nor whole tokens show where people and programs write things down."""

import logging
import pickle
import traceback

import pytest
from sqlalchemy import Engine, create_engine, exc, insert, select
from sqlalchemy.orm import Session

from strongroom.columns.errors import ColumnUseError
from strongroom.columns.sealing import Awaiting, Sealing
from strongroom.errors import StrongroomError
from tests.integration.columns.shop import ApiToken, User

SECRET = "JBSWY3DPEHPK3PXP"


def test_the_log_of_statements_shows_neither_text_nor_token(url: str, engine: Engine, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "sqlalchemy.engine"):
        loud = create_engine(url, echo=True)
        with Session(loud) as session, session.begin():
            session.add_all([User(otp_secret=SECRET), User(otp_secret=SECRET), ApiToken(value=SECRET)])
            session.flush()
            session.scalars(select(User)).first().otp_secret = SECRET + "2"
        loud.dispose()

    assert "INSERT INTO usuarios" in caplog.text
    assert SECRET not in caplog.text
    assert "g1." not in caplog.text


@pytest.mark.parametrize("options", [{}, {"echo": "debug"}, {"logging_name": "shop"}])
def test_the_log_of_rows_shows_no_text(
    url: str, engine: Engine, caplog: pytest.LogCaptureFixture, options: dict[str, str]
):
    with caplog.at_level(logging.DEBUG, "sqlalchemy.engine"):
        loud = create_engine(url, **options)
        with Session(loud) as session, session.begin():
            session.add(User(otp_secret=SECRET))
        with Session(loud) as session:
            assert session.scalars(select(User)).first().otp_secret == SECRET
        loud.dispose()

    assert "FROM usuarios" in caplog.text
    assert SECRET not in caplog.text


def test_an_error_of_the_database_shows_neither_text_nor_token(engine: Engine):
    with engine.begin() as connection:
        connection.execute(insert(User), {"id": 1, "otp_secret": SECRET})

    with engine.begin() as connection, pytest.raises(exc.IntegrityError) as refused:
        connection.execute(insert(User), {"id": 1, "otp_secret": SECRET})
    shown = "".join(traceback.format_exception(refused.value))
    assert SECRET not in shown
    if engine.dialect.name == "sqlite":
        assert "g1." not in shown


def test_an_error_of_the_type_has_no_parameters_beside_it(engine: Engine):
    with Session(engine) as session:
        session.add(User(otp_secret=SECRET * 100))
        with pytest.raises(StrongroomError) as refused:
            session.flush()

    assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_a_text_is_never_written_into_the_statement(engine: Engine):
    with pytest.raises((ColumnUseError, exc.CompileError)) as refused:
        insert(User).values(id=1, otp_secret=SECRET).compile(engine, compile_kwargs={"literal_binds": True})

    assert SECRET not in str(refused.value)


def test_values_on_their_way_hide_and_are_not_pickled():
    for value in (Sealing(SECRET, "1:5"), Awaiting(SECRET)):
        assert SECRET not in repr(value)
        with pytest.raises(TypeError):
            pickle.dumps(value)
