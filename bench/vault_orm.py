"""The naive loop: `python -m bench.vault_orm BATCH ROWS` loads objects, sets the attribute and commits."""

import os
import sys
from pathlib import Path

from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import flag_modified

from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columns import Binding, EncryptedString, TokenFormat, use_keyring


class Base(DeclarativeBase):
    """The root of the one class."""


class Secret(Base):
    """A row, as an application maps it."""

    __tablename__ = "vault"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    secret: Mapped[str | None] = mapped_column(EncryptedString(500, format=TokenFormat.FERNET, binding=Binding.COLUMN))


def main() -> None:
    """Say that it is ready, wait for the word, and write every row anew."""
    batch, rows = map(int, sys.argv[1:])
    use_keyring(EnvCryptoFile(Path(os.environ["STRONGROOM_CONFIG"]).parent / ".env.crypto"))
    engine = create_engine(os.environ["SHOP_URL"].replace("postgresql://", "postgresql+psycopg://"))
    with Session(engine) as session:
        session.execute(select(1))
        print("ready", flush=True)
        sys.stdin.readline()
        for first in range(0, rows, batch):
            for one in session.scalars(select(Secret).where(Secret.id >= first, Secret.id < first + batch)):
                # Set to what it was, an attribute is not written at all.
                flag_modified(one, "secret")
            session.commit()
            session.expunge_all()
        print("done", flush=True)


if __name__ == "__main__":
    main()
