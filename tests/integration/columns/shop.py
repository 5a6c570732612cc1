"""An application with encrypted columns: keys made by the server and by the client, of one column and of three."""

import itertools
import uuid

from sqlalchemy import CHAR, Engine, ForeignKey, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from strongroom.columns import BlindIndex, EncryptedString

CHANGES = itertools.count(1)


class Base(DeclarativeBase):
    """The application's own base."""


class User(Base):
    """The key is made by the server; the attribute is not called as the column is."""

    __tablename__ = "usuarios"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(40))
    otp_secret: Mapped[str | None] = mapped_column("_otp_secret", EncryptedString(length=500), default=None)
    phone: Mapped[str | None] = mapped_column(EncryptedString(max_bytes=20))
    team: Mapped[uuid.UUID | None]
    changed: Mapped[int | None] = mapped_column(onupdate=lambda: next(CHANGES))
    tokens: Mapped[list["ApiToken"]] = relationship(back_populates="user")


class ApiToken(Base):
    """The key is made by the client."""

    __tablename__ = "api_tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("usuarios.id"))
    value: Mapped[str] = mapped_column(EncryptedString())
    user: Mapped[User | None] = relationship(back_populates="tokens")


class Customer(Base):
    """One who is looked for by an address that nobody may read."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(EncryptedString(max_bytes=100))
    email_index: Mapped[str | None] = mapped_column(BlindIndex("email", fold=True), index=True)
    changed: Mapped[int | None] = mapped_column(onupdate=lambda: next(CHANGES))


class Voucher(Base):
    """The key is one that PostgreSQL pads with blanks."""

    __tablename__ = "vouchers"

    code: Mapped[str] = mapped_column(CHAR(6), primary_key=True)
    text: Mapped[str] = mapped_column(EncryptedString())


class Note(Base):
    """The key has three columns, two of them of types that no database writes alike."""

    __tablename__ = "notes"

    year: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(40), primary_key=True)
    owner: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    body: Mapped[str | None] = mapped_column(EncryptedString())


class Legacy(Base):
    """Columns as other systems made them."""

    __tablename__ = "legacy"

    id: Mapped[int] = mapped_column(primary_key=True)
    fernet: Mapped[str | None] = mapped_column(EncryptedString(length=500, format="fernet"))
    column_bound: Mapped[str | None] = mapped_column(EncryptedString(binding="column"))
    strict: Mapped[str | None] = mapped_column(EncryptedString(strict=True))


class Loose(Base):
    """A table that anything can be written to past the type."""

    __tablename__ = "loose"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret: Mapped[str | None] = mapped_column(EncryptedString().with_variant(Text(), "none"))


def stored(engine: Engine, column: str, table: str, key: object = None) -> list[str | None]:
    """Return what the database holds, past the type."""
    with engine.connect() as connection:
        where = "" if key is None else " WHERE id = :id"
        rows = connection.execute(text(f"SELECT {column} FROM {table}{where}"), {} if key is None else {"id": key})
        return list(rows.scalars())
