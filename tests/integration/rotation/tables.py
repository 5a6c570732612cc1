"""Tables of an imaginary application, on any database, and what fills and reads them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import CHAR, Column, Engine, Integer, MetaData, String, Table, Text, Uuid, insert, select, text

from strongroom.clock import SystemClock
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.place import Binding, ColumnPlace, TokenFormat, row_id
from strongroom.rotation.access import TableAccess
from strongroom.rotation.converting import BatchConverter, BrokenRow
from strongroom.rotation.opening import open_table
from strongroom.rotation.pace import Brake, Pace
from strongroom.rotation.passing import Block, TablePass
from strongroom.rotation.reflecting import TableName, Tokens, reflect_target
from strongroom.rotation.target import Target
from strongroom.rotation.writing import Written

CLOCK = SystemClock()
SHOP = ColumnPlace("shop", "secret_number", "secret")


def cipher_for(place: ColumnPlace, keyring: KeyRing) -> ColumnCipher:
    """Return what makes tokens that are bound to their column."""
    return ColumnCipher(keyring, place, format=TokenFormat.AES_GCM, binding=Binding.COLUMN)


def ring(active: str = "v2", *others: str) -> KeyRing:
    """Return a ring whose keys follow from the names."""
    names = {"v1", active, *others}
    return KeyRing({name: _version(name, active) for name in names}, active)


def _version(name: str, active: str) -> KeyVersion:
    state = KeyState.ACTIVE if name == active else KeyState.DECRYPT_ONLY
    return KeyVersion(name, state, name.encode().ljust(32, b"k"), name.encode().ljust(16, b"s"))


def tables(schema: str | None = None) -> Mapping[str, Table]:
    """Return one table for each kind of key."""
    metadata = MetaData(schema=schema)
    keys: dict[str, list[Column[Any]]] = {
        "number": [Column("id", Integer, primary_key=True, autoincrement=False)],
        "word": [Column("name", String(80), primary_key=True)],
        "padded": [Column("code", CHAR(12), primary_key=True)],
        "uuid": [Column("id", Uuid, primary_key=True)],
        "pair": [
            Column("tenant", String(40), primary_key=True),
            Column("id", Integer, primary_key=True, autoincrement=False),
        ],
    }
    return {
        kind: Table(f"secret_{kind}", metadata, *columns, Column("note", String(30)), Column("secret", Text))
        for kind, columns in keys.items()
    }


def keys(kind: str, rows: int) -> list[tuple[Any, ...]]:
    """Return keys of a kind, the awkward ones among them."""
    match kind:
        case "number":
            return [(number * 3 - 50,) for number in range(rows)]
        case "word":
            return [(f'it\'s, "{number}" \\ é;{{}}',) for number in range(rows)]
        case "padded":
            return [(f"code {number}",) for number in range(rows)]
        case "uuid":
            return [(uuid.uuid5(uuid.NAMESPACE_OID, str(number)),) for number in range(rows)]
        case _:
            return [(f"tenant, {number % 3}", number) for number in range(rows)]


@dataclass
class Application:
    """One table with an encrypted column in one database."""

    engine: Engine
    table: Table
    target: Target

    @classmethod
    def make(cls, engine: Engine, kind: str = "number", binding: Binding = Binding.COLUMN) -> "Application":
        """Create the table and look at it as a campaign does."""
        table = tables()[kind]
        table.create(engine)
        tokens = Tokens("shop", TokenFormat.AES_GCM, binding)
        return cls(engine, table, reflect_target(engine, "shop", TableName(None, table.name), "secret", tokens))

    def cipher(self, keyring: KeyRing, token_format: TokenFormat | None = None) -> ColumnCipher:
        """Return what the application makes its tokens with."""
        target = self.target
        return ColumnCipher(
            keyring, target.column_place, format=token_format or target.token_format, binding=target.binding
        )

    def fill(self, found: Sequence[tuple[Any, ...]], cipher: ColumnCipher) -> None:
        """Write a row for each key; what it hides follows from the key."""
        names = self.target.keys
        rows = [
            {**dict(zip(names, key, strict=True)), "secret": cipher.encrypt(hidden(key), row_id(key))} for key in found
        ]
        with self.engine.begin() as connection:
            connection.execute(insert(self.table), rows)

    def tokens(self) -> dict[tuple[Any, ...], str | None]:
        """Return every row's token by its key, without what a database pads it with."""
        columns = [self.table.c[name] for name in (*self.target.keys, "secret")]
        with self.engine.connect() as connection:
            rows = connection.execute(select(*columns)).all()
        return {tuple(key.rstrip() if isinstance(key, str) else key for key in row[:-1]): row[-1] for row in rows}

    def put(self, key: tuple[Any, ...], token: str | None) -> None:
        """Set a row's token past the cipher."""
        where = [self.table.c[name] == value for name, value in zip(self.target.keys, key, strict=True)]
        with self.engine.begin() as connection:
            connection.execute(self.table.update().where(*where).values(secret=token))

    def execute(self, statement: str) -> None:
        """Run a statement."""
        with self.engine.begin() as connection:
            connection.execute(text(statement))

    def run_pass(self, keyring: KeyRing, access: TableAccess | None = None, *, dry_run: bool = False) -> "Outcome":
        """Pass over the whole table once."""
        opened = access or open_table(self.engine, self.target)
        outcome = Outcome()
        bound = self.target.binding is Binding.ROW
        converter = BatchConverter(self.cipher(keyring), row_id if bound else None, self.target.length)
        brake = Brake(Pace(batch_size=7, commit_every=20), CLOCK, opened.measure_strain, lambda: None)
        try:
            one = TablePass(opened, converter, brake, outcome.settle, dry_run=dry_run)
            one.run(lambda after, limit: opened.read(after, None, limit), None)
        finally:
            if access is None:
                opened.close()
        return outcome

    def limited_to(self, length: int) -> "Application":
        """Return the same with a column that is said to hold fewer characters."""
        return replace(self, target=replace(self.target, length=length))


class Outcome:
    """What a pass said it did."""

    def __init__(self) -> None:
        self.rows = self.processed = self.current = self.changed = 0
        self.broken: list[BrokenRow] = []
        self.versions: dict[str, int] = {}

    def settle(self, block: Block, written: Written) -> None:
        """Add up a block."""
        self.rows += block.rows
        self.processed += written.processed
        self.current += block.current
        self.changed += written.changed
        self.broken += [*block.broken, *written.broken]
        for version, rows in block.versions.items():
            self.versions[version] = self.versions.get(version, 0) + rows


def hidden(key: tuple[Any, ...]) -> str:
    """Return what the row of a key hides."""
    return f"what {key} hides"
