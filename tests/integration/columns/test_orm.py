"""Mapped objects: what the application sees is text, what the database holds is bound to its row."""

import uuid

import pytest
from sqlalchemy import Engine, func, insert, select, text, update
from sqlalchemy.orm import Session, aliased, joinedload, selectinload, undefer
from sqlalchemy.orm.attributes import flag_modified

from strongroom.columnkeys.ring import KeyState
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.errors import ColumnUseError, RowUnknownError, TokenRefusedError
from strongroom.columns.place import Binding, ColumnPlace, TokenFormat, row_id
from tests.integration.columns.conftest import Keys
from tests.integration.columns.shop import ApiToken, Legacy, Note, User, Voucher, stored
from tests.unit.columns.rings import ring


def add(engine: Engine, *rows: object) -> None:
    with Session(engine) as session, session.begin():
        session.add_all(rows)


def opened(token: str, table: str, column: str, *key: object) -> str:
    """Open a token as another program would, that knows place and row."""
    place = ColumnPlace("shop", table, column)
    cipher = ColumnCipher(ring("v1"), place, format=TokenFormat.AES_GCM, binding=Binding.ROW, strict=True)
    return cipher.decrypt(token, row_id(key))


def test_texts_come_back_and_the_database_holds_tokens(engine: Engine):
    add(engine, User(id=7, otp_secret="JBSWY3DPEHPK3PXP", phone=""), User(id=8))

    with Session(engine) as session:
        users = session.scalars(select(User).order_by(User.id)).all()
        assert [(user.otp_secret, user.phone) for user in users] == [("JBSWY3DPEHPK3PXP", ""), (None, None)]
    (token,) = stored(engine, "_otp_secret", "usuarios", 7)
    assert opened(token, "usuarios", "_otp_secret", 7) == "JBSWY3DPEHPK3PXP"
    assert stored(engine, "_otp_secret", "usuarios", 8) == [None]


def test_rows_whose_keys_the_server_makes_are_bound_in_the_same_transaction(engine: Engine):
    users = [User(name=f"{number}", otp_secret=f"secret {number}", phone=f"{number}") for number in range(30)]
    users[3].otp_secret = None
    users[4].otp_secret = users[4].phone = None
    add(engine, *users)

    with Session(engine) as session:
        for user in session.scalars(select(User)):
            expected = (
                None if user.name in {"3", "4"} else f"secret {user.name}",
                None if user.name == "4" else user.name,
            )
            assert (user.otp_secret, user.phone) == expected
            assert user.changed is None


@pytest.mark.parametrize("count", [1, 3])
def test_rows_whose_keys_the_client_makes_are_bound_at_once(engine: Engine, count: int):
    add(engine, *(ApiToken(value=f"{number}") for number in range(count)))

    with Session(engine) as session:
        assert sorted(session.scalars(select(ApiToken.value))) == [f"{number}" for number in range(count)]
        (first, *_) = session.scalars(select(ApiToken))
        number, value = first.id, first.value
    (token,) = [held for held in stored(engine, "value", "api_tokens") if _opens(held, number, value)]
    assert opened(token, "api_tokens", "value", number) == value


def _opens(token: str, key: uuid.UUID, value: str) -> bool:
    try:
        return opened(token, "api_tokens", "value", key) == value
    except TokenRefusedError:
        return False


def test_a_key_of_three_columns_binds(engine: Engine):
    owner = uuid.uuid4()
    add(engine, Note(year=2026, title="é|:1", owner=owner, body="text"))

    with Session(engine) as session:
        assert session.scalars(select(Note.body)).all() == ["text"]
    assert opened(str(stored(engine, "body", "notes")[0]), "notes", "body", 2026, "é|:1", owner) == "text"


def test_a_key_that_the_database_pads_binds_before_and_after_it_was_read(engine: Engine):
    add(engine, Voucher(code="ab", text="old"))

    with Session(engine) as session, session.begin():
        session.scalars(select(Voucher)).one().text = "new"

    with Session(engine) as session:
        assert session.scalars(select(Voucher.text)).all() == ["new"]
    assert opened(str(stored(engine, "text", "vouchers")[0]), "vouchers", "text", "ab") == "new"


def test_changing_an_attribute_writes_a_token_under_the_active_version(engine: Engine, keys: Keys):
    add(engine, User(id=1, otp_secret="old", phone="1"))
    keys.rotate()

    with Session(engine) as session, session.begin():
        session.get_one(User, 1).otp_secret = "new"

    with Session(engine) as session:
        assert (session.get_one(User, 1).otp_secret, session.get_one(User, 1).phone) == ("new", "1")
    assert str(stored(engine, "_otp_secret", "usuarios")[0]).startswith("v2:")
    assert str(stored(engine, "phone", "usuarios")[0]).startswith("v1:")


def test_a_token_copied_into_another_row_or_column_is_refused(engine: Engine):
    add(engine, User(id=1, otp_secret="mine", phone="1"), User(id=2, otp_secret="admin's", phone="2"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE usuarios SET _otp_secret = (SELECT _otp_secret FROM usuarios WHERE id = 1)"))
        connection.execute(text("UPDATE usuarios SET phone = _otp_secret WHERE id = 1"))

    with Session(engine) as session:
        assert session.scalars(select(User.otp_secret).where(User.id == 1)).all() == ["mine"]
        with pytest.raises(TokenRefusedError):
            session.scalars(select(User.otp_secret).where(User.id == 2)).all()
        with pytest.raises(TokenRefusedError):
            session.scalars(select(User.phone).where(User.id == 1)).all()


def test_every_way_of_asking_for_a_column_finds_its_row(engine: Engine):
    add(engine, *(User(id=n, name="a", otp_secret=f"s{n}", tokens=[ApiToken(value=f"t{n}")]) for n in (1, 2)))
    other = aliased(User)
    inner = select(User.id, User.otp_secret).where(User.id == 2).subquery()
    named = aliased(User, select(User).where(User.id == 1).cte())
    both = (
        select(User.id, User.otp_secret)
        .where(User.id == 1)
        .union_all(select(User.id, User.otp_secret).where(User.id == 2))
    )
    raw = select(User).from_statement(select(User).where(User.id == 1))

    with Session(engine) as session:
        assert session.scalars(select(other.otp_secret).where(other.id == 2)).all() == ["s2"]
        assert session.execute(select(inner)).all() == [(2, "s2")]
        assert session.scalars(select(named.otp_secret)).all() == ["s1"]
        assert session.scalars(select(User.otp_secret.label("other")).where(User.id == 1)).all() == ["s1"]
        assert sorted(session.execute(both)) == [(1, "s1"), (2, "s2")]
        assert [user.otp_secret for user in session.scalars(raw)] == ["s1"]
        assert [user.otp_secret for user in session.query(User).filter(User.id == 2).limit(1)] == ["s2"]
    for eager in (joinedload(User.tokens), selectinload(User.tokens), joinedload(User.tokens).options(undefer("*"))):
        with Session(engine) as session:
            users = session.scalars(select(User).order_by(User.id).limit(2).options(eager)).unique().all()
            assert [(user.otp_secret, user.tokens[0].value) for user in users] == [("s1", "t1"), ("s2", "t2")]
    with Session(engine) as session:
        user = session.get_one(User, 1)
        session.expire(user, ["otp_secret"])
        assert user.otp_secret == "s1"


def test_bulk_statements_of_the_orm_bind_too(engine: Engine):
    with Session(engine) as session, session.begin():
        session.execute(insert(User), [{"name": "a", "otp_secret": "1"}, {"name": "b", "otp_secret": "2"}])
        session.execute(insert(User).values(id=50, otp_secret="50"))
        session.bulk_insert_mappings(User, [{"name": "c", "otp_secret": "3"}, {"name": "d", "otp_secret": "4"}])
        session.execute(update(User), [{"id": 50, "otp_secret": "fifty"}])
        made = session.scalars(insert(ApiToken).returning(ApiToken), [{"value": "x"}, {"value": "y"}])
        assert sorted(token.value for token in made) == ["x", "y"]

    with Session(engine) as session:
        found = session.scalars(select(User).where(User.name.is_not(None)).order_by(User.name))
        assert [user.otp_secret for user in found] == ["1", "2", "3", "4"]
        session.execute(update(User).where(User.id == 50).values(otp_secret="again"))
        assert session.get_one(User, 50).otp_secret == "again"


def test_what_cannot_name_its_row_is_refused_and_nothing_is_written(engine: Engine):
    add(engine, User(id=1, name="a", otp_secret="s"))

    with Session(engine) as session:
        with pytest.raises(RowUnknownError):
            session.execute(update(User).where(User.name == "a").values(otp_secret="x"))
        other = aliased(User)
        with pytest.raises(RowUnknownError):
            session.execute(update(User).where(other.id == 1).values(otp_secret="x"))
        with pytest.raises(ColumnUseError):
            session.scalars(insert(User).returning(User), [{"otp_secret": "x"}])
        with pytest.raises(ColumnUseError):
            session.execute(update(User).where(User.id == 1).values(otp_secret=func.upper("x")))
        session.rollback()
        assert session.scalars(select(User.otp_secret)).all() == ["s"]


def test_what_cannot_be_read_with_its_row_is_refused(engine: Engine):
    add(engine, User(id=1, otp_secret="s"))

    with Session(engine) as session:
        for question in (
            lambda: select(func.max(User.otp_secret)),
            lambda: select(select(User.otp_secret).subquery()),
            lambda: select(User).where(User.otp_secret == "s"),
            lambda: select(User).where(User.otp_secret.like("s%")),
            lambda: select(User).where(User.otp_secret.in_(["s"])),
            lambda: select(User).order_by(User.otp_secret.desc()),
        ):
            with pytest.raises(ColumnUseError):
                session.execute(question()).all()
        with pytest.raises(RowUnknownError):
            session.scalars(select(User).from_statement(text("SELECT * FROM usuarios"))).all()
        assert session.scalars(select(User.id).where(User.otp_secret.is_not(None), User.phone == None)).all() == [1]  # noqa: E711 - what people write


def test_a_primary_key_changes_together_with_the_tokens_or_not_at_all(engine: Engine):
    add(engine, User(id=1, otp_secret="s", phone="p"))

    with Session(engine) as session:
        session.get_one(User, 1).id = 9
        with pytest.raises(ColumnUseError, match="_otp_secret, phone"):
            session.flush()
    with Session(engine) as session, session.begin():
        user = session.get_one(User, 1)
        user.id = 9
        flag_modified(user, "otp_secret")
        flag_modified(user, "phone")

    with Session(engine) as session:
        assert (session.get_one(User, 9).otp_secret, session.get_one(User, 9).phone) == ("s", "p")


def test_formats_and_bindings_stand_side_by_side(engine: Engine, keys: Keys):
    add(engine, Legacy(id=1, fernet="f", column_bound="c", strict="s"))
    keys.ring = ring("v2", v1=KeyState.DECRYPT_ONLY)
    add(engine, Legacy(id=2, fernet="f2", column_bound="c2", strict="s2"))

    with Session(engine) as session:
        rows = session.scalars(select(Legacy).order_by(Legacy.id)).all()
        assert [(row.fernet, row.column_bound, row.strict) for row in rows] == [("f", "c", "s"), ("f2", "c2", "s2")]
    beginnings = [str(token)[:8] for token in stored(engine, "fernet", "legacy")]
    assert sorted(beginnings) == ["v1:gAAAA", "v2:gAAAA"]
