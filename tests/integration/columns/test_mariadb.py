"""The same column type in MariaDB, whose texts, lengths and concatenation differ."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, insert, select, text
from sqlalchemy.orm import Session

from strongroom.columns import matching, reindex
from strongroom.columns.errors import TokenRefusedError
from tests.integration.columns.conftest import Keys
from tests.integration.columns.shop import ApiToken, Base, Customer, Note, User


@pytest.fixture
def engine(mariadb_url: str, keys: Keys) -> Iterator[Engine]:
    made = create_engine(mariadb_url)
    tables = [kind.__table__ for kind in (User, Customer, ApiToken, Note)]
    Base.metadata.drop_all(made, tables)
    Base.metadata.create_all(made, tables)
    yield made
    Base.metadata.drop_all(made, tables)
    made.dispose()


def test_rows_are_bound_and_found_and_moved_tokens_refused(engine: Engine, keys: Keys):
    owner = uuid.uuid4()
    with Session(engine) as session, session.begin():
        session.add_all([User(otp_secret=f"s{number}") for number in range(3)])
        session.add_all([ApiToken(value="token"), Note(year=1, title="é|:1", owner=owner, body="body")])
        session.add_all([Customer(email="ana@example.org"), Customer(email="rui@example.org")])
        session.execute(insert(User), [{"id": 50, "otp_secret": "fifty"}, {"id": 51, "otp_secret": "more"}])

    keys.rotate()
    with Session(engine) as session:
        assert sorted(session.scalars(select(User.otp_secret))) == ["fifty", "more", "s0", "s1", "s2"]
        assert session.scalars(select(ApiToken.value)).all() == ["token"]
        assert session.scalars(select(Note.body)).all() == ["body"]
        assert (
            len(session.scalars(select(Customer).where(matching(Customer.email_index, "Ana@example.org"))).all()) == 1
        )
    with engine.connect() as connection:
        assert reindex(connection, Customer.__table__.c.email_index) == 2
    with Session(engine) as session:
        session.execute(
            text("UPDATE usuarios a JOIN usuarios b ON b.id = 51 SET a._otp_secret = b._otp_secret WHERE a.id = 50")
        )
        with pytest.raises(TokenRefusedError):
            session.scalars(select(User.otp_secret).where(User.id == 50)).all()
