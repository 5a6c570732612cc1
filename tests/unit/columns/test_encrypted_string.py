"""What a column is declared with: sizes, places, and what SQLAlchemy remembers of it."""

import pickle
from collections.abc import Iterator
from typing import Annotated, ClassVar

import pytest
from sqlalchemy import Column, Engine, Float, Integer, MetaData, Table, create_engine, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.schema import CreateTable

from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.columns import Binding, EncryptedString, TokenFormat, use_keyring
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.errors import ColumnUseError, KeyringMissingError, RowIdError, TokenRefusedError
from strongroom.columns.in_use import PROCESS
from strongroom.columns.place import ColumnPlace
from strongroom.columns.sizes import column_length, longest_text, token_length
from tests.unit.columns.rings import fixed, ring

Secret = Annotated[str, 1]


class Keys:
    def __init__(self) -> None:
        self.ring, self.loads, self.broken = ring("v1"), 0, False

    def load(self) -> KeyRing:
        self.loads += 1
        if self.broken:
            raise OSError("the file is being replaced")
        return self.ring


@pytest.fixture
def keys() -> Iterator[Keys]:
    source = Keys()
    use_keyring(source, reload_seconds=0)
    yield source
    PROCESS.hold(None)


def table(type_: EncryptedString, name: str = "users") -> Table:
    return Table(name, MetaData(), Column("id", Integer, primary_key=True), Column("secret", type_))


def database(*tables: Table) -> Engine:
    engine = create_engine("sqlite://")
    for made in tables:
        made.create(engine)
    return engine


@pytest.mark.parametrize("form", TokenFormat)
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 60, 207, 1000])
@pytest.mark.parametrize("name", ["v1", "v" * 32])
def test_the_length_of_a_token_is_known_beforehand(form: TokenFormat, size: int, name: str):
    cipher = ColumnCipher(ring(name), ColumnPlace("", "t", "c"), format=form, binding=Binding.COLUMN)

    token = cipher.encrypt("x" * size, None)

    assert len(token) == token_length(size, form, name) <= column_length(size)
    assert longest_text(len(token), form, name) >= size > longest_text(len(token) - 1, form, name)


def test_a_column_of_500_holds_what_the_documentation_says():
    assert [longest_text(500, form, "v1") for form in TokenFormat] == [303, 342]
    assert longest_text(5, TokenFormat.AES_GCM, "v1") == -1


def test_the_size_is_that_of_the_database_column_or_that_of_the_text():
    sql = [
        str(CreateTable(table(type_)).compile())
        for type_ in (EncryptedString(500), EncryptedString(max_bytes=60), EncryptedString())
    ]

    assert "VARCHAR(500)" in sql[0]
    assert f"VARCHAR({column_length(60)})" in sql[1]
    assert "secret TEXT" in sql[2]
    with pytest.raises(ColumnUseError):
        EncryptedString(500, max_bytes=60)


def test_a_type_shows_how_it_was_declared():
    shown = "EncryptedString(max_bytes=60, known_as='a.b', format='aes-256-gcm', binding='column', strict=True)"

    assert repr(eval(shown)) == shown
    with pytest.raises(ColumnUseError):
        EncryptedString(known_as="column")
    with pytest.raises(ValueError, match="rot13"):
        EncryptedString(format="rot13")


def test_without_a_ring_the_error_says_what_to_call():
    users = table(EncryptedString())
    engine = database(users)
    PROCESS.hold(None)

    with (
        engine.begin() as connection,
        pytest.raises(KeyringMissingError, match=r"SecretsManager not initialised.*use_keyring"),
    ):
        connection.execute(insert(users).values(id=1, secret="s"))


def test_one_type_object_serves_two_columns(keys: Keys):
    both = EncryptedString(binding="column")
    users = Table("users", MetaData(), Column("id", Integer, primary_key=True), Column("a", both), Column("b", both))
    engine = database(users)

    with engine.begin() as connection:
        connection.execute(insert(users).values(id=1, a="x", b="y"))
        assert connection.execute(select(users.c.a, users.c.b)).one() == ("x", "y")
        connection.exec_driver_sql("UPDATE users SET a = b")
        with pytest.raises(TokenRefusedError):
            connection.execute(select(users.c.a)).one()


def test_a_type_comes_from_a_map_of_annotations_or_a_mixin(keys: Keys):
    class Base(DeclarativeBase):
        type_annotation_map: ClassVar = {Secret: EncryptedString(max_bytes=9)}

    class Mixin:
        id: Mapped[int] = mapped_column(primary_key=True)
        mixed: Mapped[str] = mapped_column(EncryptedString())
        mapped: Mapped[Secret]

    class First(Mixin, Base):
        __tablename__ = "first"

    class Second(Mixin, Base):
        __tablename__ = "second"

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)

    with Session(engine) as session:
        session.add_all([First(mixed="m1", mapped="a1"), Second(mixed="m2", mapped="a2")])
        session.commit()
        session.expire_all()
        found = [session.get_one(kind, 1) for kind in (First, Second)]
        assert [(row.mixed, row.mapped) for row in found] == [("m1", "a1"), ("m2", "a2")]
    places = {column.type.place() for kind in (First, Second) for column in kind.__table__.c if column.key != "id"}
    assert places == {(name, column) for name in ("first", "second") for column in ("mixed", "mapped")}


def test_a_renamed_column_reads_what_it_wrote_before(keys: Keys):
    before, after = table(EncryptedString()), table(EncryptedString(known_as="users.secret"), "people")
    engine = database(before, after)

    with engine.begin() as connection:
        connection.execute(insert(before).values(id=1, secret="s"))
        connection.exec_driver_sql("INSERT INTO people SELECT * FROM users")
        assert connection.execute(select(after.c.secret)).scalar_one() == "s"


def test_tables_without_a_key_that_binds_say_so(keys: Keys):
    keyless = Table("keyless", MetaData(), Column("secret", EncryptedString()))
    floating = Table("floating", MetaData(), Column("id", Float, primary_key=True), Column("secret", EncryptedString()))
    engine = database(keyless, floating)

    for one in (keyless, floating):
        with engine.begin() as connection, pytest.raises(RowIdError, match="binding='column'"):
            connection.execute(select(one))
    with engine.begin() as connection, pytest.raises(RowIdError):
        connection.execute(insert(floating).values(id=1.5, secret="s"))


def test_statements_are_compiled_once_however_many_values_they_carry(keys: Keys):
    users = table(EncryptedString())
    engine = database(users)

    with engine.begin() as connection:
        for number in range(5):
            connection.execute(insert(users), {"id": number, "secret": f"{number}"})
            connection.execute(select(users.c.secret).where(users.c.id == number)).all()
        compiled = len(engine._compiled_cache)
        for number in range(5, 10):
            connection.execute(insert(users), {"id": number, "secret": f"{number}"})
            connection.execute(select(users.c.secret).where(users.c.id == number)).all()

    assert len(engine._compiled_cache) == compiled


def test_a_new_ring_is_taken_up_without_a_restart(keys: Keys):
    users = table(EncryptedString())
    engine = database(users)

    with engine.begin() as connection:
        connection.execute(insert(users).values(id=1, secret="before"))
        keys.ring = ring("v2", v1=KeyState.DECRYPT_ONLY)
        connection.execute(insert(users).values(id=2, secret="after"))
        keys.broken = True
        assert connection.execute(select(users.c.secret).order_by(users.c.id)).scalars().all() == ["before", "after"]
        tokens = connection.exec_driver_sql("SELECT secret FROM users ORDER BY id").scalars().all()

    assert [token[:3] for token in tokens] == ["v1:", "v2:"]


def test_a_token_of_a_version_made_a_moment_ago_is_read(keys: Keys):
    users = table(EncryptedString())
    engine = database(users)
    use_keyring(keys, reload_seconds=3600)
    newer = ColumnCipher(
        ring("v2"), ColumnPlace("", "users", "secret"), format=TokenFormat.AES_GCM, binding=Binding.ROW
    )
    keys.ring = ring("v1", v2=KeyState.PENDING)

    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO users VALUES (1, ?)", (newer.encrypt("s", "1:1"),))
        assert connection.execute(select(users.c.secret)).scalar_one() == "s"


def test_metadata_is_pickled_without_keys(keys: Keys):
    users = table(EncryptedString(max_bytes=60))
    engine = database(users)
    with engine.begin() as connection:
        connection.execute(insert(users).values(id=1, secret="JBSWY3DPEHPK3PXP"))

    pickled = pickle.dumps(users)

    assert fixed("key v1", 32) not in pickled
    with engine.begin() as connection:
        assert connection.execute(select(pickle.loads(pickled).c.secret)).scalar_one() == "JBSWY3DPEHPK3PXP"
