"""Rows are found by the text of an encrypted column, also while some are indexed under an older key."""

import pytest
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.orm import Session

from strongroom.columns import matching, reindex
from strongroom.columns.errors import ColumnUseError
from tests.integration.columns.conftest import Keys
from tests.integration.columns.shop import Customer, stored
from tests.unit.columns.rings import ring

INDEX = Customer.__table__.c.email_index


def found(engine: Engine, email: str) -> list[int]:
    with Session(engine) as session:
        return list(
            session.scalars(select(Customer.id).where(matching(Customer.email_index, email)).order_by(Customer.id))
        )


def test_rows_are_found_however_they_were_written(engine: Engine):
    with Session(engine) as session, session.begin():
        session.add(Customer(id=1, email="ana@example.org"))
        session.execute(
            insert(Customer), [{"id": 50, "email": "Ana@Example.org"}, {"id": 51, "email": "rui@example.org"}]
        )
        session.execute(insert(Customer.__table__).values(id=52, email="eva@example.org"))

    assert found(engine, "ana@example.ORG") == [1, 50]
    assert found(engine, "rui@example.org") == [51]
    assert found(engine, "eva@example.org") == [52]
    assert found(engine, "nobody@example.org") == []


def test_the_server_s_keys_do_not_keep_a_row_from_being_found(engine: Engine):
    with Session(engine) as session, session.begin():
        session.add_all([Customer(email=f"{number}@example.org") for number in range(4)])

    assert len(found(engine, "2@example.org")) == 1


def test_the_index_follows_every_change_and_null(engine: Engine):
    with Session(engine) as session, session.begin():
        session.add_all([Customer(id=1, email="a"), Customer(id=2, email="b")])
    with Session(engine) as session, session.begin():
        session.get_one(Customer, 1).email = "c"
        session.execute(update(Customer).where(Customer.id == 2).values(email=None))

    assert (found(engine, "a"), found(engine, "b"), found(engine, "c")) == ([], [], [1])
    assert stored(engine, "email_index", "customers", 2) == [None]


def test_rows_of_two_versions_are_found_until_all_are_indexed_anew(engine: Engine, keys: Keys):
    with Session(engine) as session, session.begin():
        session.add_all([Customer(id=number, email="same") for number in range(1, 8)])
    keys.rotate()
    with Session(engine) as session, session.begin():
        session.add(Customer(id=8, email="same"))

    assert found(engine, "same") == [*range(1, 9)]
    with engine.connect() as connection:
        assert reindex(connection, INDEX, batch=3) == 7
        assert reindex(connection, INDEX, batch=3) == 0
    assert {str(index)[:3] for index in stored(engine, "email_index", "customers")} == {"v2:"}
    assert set(stored(engine, "changed", "customers")) == {None}
    assert found(engine, "same") == [*range(1, 9)]
    keys.ring = ring("v2")
    assert found(engine, "same") == [*range(1, 9)]


def test_an_index_is_neither_written_by_hand_nor_compared_with_a_text(engine: Engine):
    with Session(engine) as session:
        with pytest.raises(ColumnUseError):
            session.execute(insert(Customer), {"id": 1, "email_index": "a"})
        with pytest.raises(ColumnUseError):
            session.scalars(select(Customer).where(Customer.email_index == "a")).all()
        with pytest.raises(ColumnUseError):
            matching(Customer.email, "a")
