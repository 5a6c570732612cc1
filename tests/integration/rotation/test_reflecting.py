"""What a column is, found out from a mapped class or from the database; whatever cannot be served is refused."""

import sys
from pathlib import Path

import pytest

from strongroom.columns.place import Binding, TokenFormat
from strongroom.rotation.errors import (
    ColumnNotFoundError,
    ColumnNotTextError,
    ModelNotFoundError,
    NoPrimaryKeyError,
    TableNotFoundError,
    UnusableKeyError,
)
from strongroom.rotation.reflecting import (
    TableName,
    Tokens,
    import_model,
    mapped_column_of,
    reflect_target,
    table_of,
)

TOKENS = Tokens("shop", TokenFormat.AES_GCM, Binding.COLUMN)
TABLE = """CREATE TABLE vault (id integer PRIMARY KEY, mail varchar(80) NOT NULL UNIQUE, other varchar(80), age integer,
    code char(200), rate float NOT NULL, secret varchar(500))"""


@pytest.fixture
def vault(engine):
    with engine.begin() as connection:
        connection.exec_driver_sql(TABLE)
        connection.exec_driver_sql("CREATE TABLE heap (secret varchar(500))")
    return engine


def reflect(engine, table="vault", column="secret", keys=(), tokens=TOKENS):
    return reflect_target(engine, "shop", TableName.of(table), column, tokens, keys)


def test_the_primary_key_and_the_length_are_found(vault):
    target = reflect(vault)

    assert (target.keys, target.length, target.place) == (("id",), 500, "shop:vault.secret")


def test_another_key_may_be_named_if_it_is_one(vault):
    assert reflect(vault, keys=("mail",)).keys == ("mail",)


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"table": "nowhere"}, TableNotFoundError),
        ({"column": "nothing"}, ColumnNotFoundError),
        ({"column": "age"}, ColumnNotTextError),
        ({"column": "code"}, ColumnNotTextError),
        ({"table": "heap"}, NoPrimaryKeyError),
        ({"keys": ("other",)}, UnusableKeyError),
        ({"keys": ("rate",)}, UnusableKeyError),
        ({"keys": ("nothing",)}, ColumnNotFoundError),
        ({"keys": ("mail",), "tokens": Tokens("shop")}, UnusableKeyError),
    ],
)
def test_what_cannot_be_served_is_refused(vault, wish, error):
    with pytest.raises(error) as refused:
        reflect(vault, **wish)
    assert refused.value.next_step


def test_a_schema_is_named_before_the_table(postgres_engine):
    with postgres_engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA sales")
        connection.exec_driver_sql('CREATE TABLE sales."Order" (id uuid PRIMARY KEY, secret text)')

    target = reflect(postgres_engine, "sales.Order")

    assert (target.schema, target.table, target.length) == ("sales", "Order", None)
    assert target.column_place.table == "sales.Order"


MODEL = """
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "usuarios"
    id: Mapped[int] = mapped_column(primary_key=True)
    otp: Mapped[str | None] = mapped_column("_otp_secret", String(500))

plain = 5
"""


@pytest.fixture
def application_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shop_of_a_test.py").write_text(MODEL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "shop_of_a_test", raising=False)
    return tmp_path


def test_a_model_is_found_from_the_current_directory(application_folder):
    mapper = import_model("shop_of_a_test:User")

    assert table_of(mapper) == TableName(None, "usuarios")
    assert mapped_column_of(mapper, "_otp_secret") is mapped_column_of(mapper, "otp")
    with pytest.raises(ColumnNotFoundError):
        mapped_column_of(mapper, "otp_secret")


@pytest.mark.parametrize(
    "path", ["shop_of_a_test", "shop_of_a_test:Nobody", "shop_of_a_test:plain", "no_such:User", ":"]
)
def test_what_is_no_model_is_refused(application_folder, path):
    with pytest.raises(ModelNotFoundError):
        import_model(path)
