"""What has to happen before every commit of the catalog."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog

ADD = text("INSERT INTO schedule_progress (source, spec, followed_until) VALUES (:source, '', '2026-01-01 00:00:00')")
COUNT = text("SELECT count(*) FROM schedule_progress")


def _also(session: Session) -> None:
    session.execute(ADD, {"source": "also"})


def _object(session: Session) -> None:
    raise LookupError


def test_it_is_in_the_transaction_of_the_change(catalog_url: str) -> None:
    catalog = Catalog(open_engine(catalog_url), (_also,))
    with catalog.begin() as session:
        session.execute(ADD, {"source": "shop"})
    with catalog.read() as session:
        assert session.scalar(COUNT) == 2
    catalog.close()


def test_the_change_does_not_happen_where_it_fails(catalog_url: str) -> None:
    catalog = Catalog(open_engine(catalog_url), (_also, _object))
    with pytest.raises(LookupError), catalog.begin() as session:
        session.execute(ADD, {"source": "shop"})
    with catalog.read() as session:
        assert session.scalar(COUNT) == 0
    catalog.close()


def test_it_does_not_happen_where_the_change_fails(catalog_url: str) -> None:
    catalog = Catalog(open_engine(catalog_url), (_also,))
    with pytest.raises(KeyError), catalog.begin():
        raise KeyError
    with catalog.read() as session:
        assert session.scalar(COUNT) == 0
    catalog.close()
