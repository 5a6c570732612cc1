"""From what somebody writes to a target: a mapped class or a table, a column, and what cannot be found out."""

from collections.abc import Sequence
from dataclasses import dataclass

from strongroom.columns.blind_index import BlindIndex
from strongroom.columns.encrypted_string import EncryptedString
from strongroom.columns.place import Binding, TokenFormat
from strongroom.columns.registry import RegisteredColumn, RegisteredIndex, registered_columns, registered_indexes
from strongroom.rotation.connecting import open_database
from strongroom.rotation.errors import ColumnNotTextError, ModelNotFoundError
from strongroom.rotation.reflecting import (
    TableName,
    Tokens,
    import_metadata,
    import_model,
    mapped_column_of,
    reflect_target,
    table_of,
)
from strongroom.rotation.target import ColumnKind, Target
from strongroom.settings import Settings


@dataclass(frozen=True, slots=True)
class TargetWish:
    """A column as somebody names it: by `model` (module:Class) or by `table` (schema.table), one of the two.

    None means what the mapped column says, else what the settings or an EncryptedString would say: the application of
    the database, AES-256-GCM, bound to the row.
    """

    column: str
    model: str | None = None
    table: str | None = None
    keys: Sequence[str] = ()
    database: str | None = None
    app: str | None = None
    token_format: TokenFormat | None = None
    binding: Binding | None = None


def find_target(settings: Settings, wish: TargetWish) -> Target:
    """Return the column that is meant, after a look into its database.

    Raises ModelNotFoundError, UnknownDatabaseError and what reflect_target raises.
    """
    database = settings.get_database(wish.database)
    name, column, known = _named(wish)
    token_format = wish.token_format or known.token_format
    # Fernet tokens have no place for the row.
    usual = Binding.COLUMN if token_format is TokenFormat.FERNET else known.binding
    app = database.app if wish.app is None else wish.app
    tokens = Tokens(app, token_format, wish.binding or usual, known.known_as)
    engine = open_database(database)
    try:
        return reflect_target(engine, database.name, name, column, tokens, wish.keys)
    finally:
        engine.dispose()


def find_mapped_targets(settings: Settings, path: str, database: str | None, app: str | None) -> list[Target]:
    """Return every encrypted column and blind index of an application's metadata, by `module:Class` or `module:Base`.

    Nothing is asked of the database. Raises ModelNotFoundError, UnknownDatabaseError.
    """
    meant = settings.get_database(database)
    named = meant.app if app is None else app
    metadata = import_metadata(path)
    tokens = [_mapped(meant.name, named, column) for column in registered_columns(metadata)]
    return tokens + [_mapped_index(meant.name, named, index) for index in registered_indexes(metadata)]


def _mapped(database: str, app: str, column: RegisteredColumn) -> Target:
    name = TableName.of(column.table)
    bound = None if column.known_as == (column.table, column.column) else ".".join(column.known_as)
    made = (app, column.format, column.binding, bound)
    return Target(database, name.schema, name.table, column.column, column.keys, column.length, *made)


def _mapped_index(database: str, app: str, index: RegisteredIndex) -> Target:
    name = TableName.of(index.table)
    return Target(database, name.schema, name.table, index.column, index.keys, None, app, kind=ColumnKind.INDEX)


def _named(wish: TargetWish) -> tuple[TableName, str, Tokens]:
    if (wish.model is None) == (wish.table is None):
        raise ModelNotFoundError(
            "The column is named by a mapped class or by a table, by one of them.",
            next_step="Write --model module:Class, or --table schema.table.",
        )
    if wish.table is not None:
        return TableName.of(wish.table), wish.column, Tokens("")
    mapper = import_model(wish.model or "")
    column = mapped_column_of(mapper, wish.column)
    kind = column.type
    if isinstance(kind, BlindIndex):
        raise ColumnNotTextError(
            f"Column {column.name!r} is a blind index, which holds no tokens.",
            next_step=f"Re-encrypt the column {kind.of!r}, then call strongroom.columns.reindex in the application.",
        )
    if not isinstance(kind, EncryptedString):
        return table_of(mapper), column.name, Tokens("")
    return table_of(mapper), column.name, Tokens("", kind.format, kind.binding, kind.known_as)
