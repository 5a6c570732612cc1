"""The column type: text in Python, a token in the database."""

from typing import Any, NoReturn

from sqlalchemy import Column, ColumnElement, Dialect, String, Table, Text
from sqlalchemy.sql.elements import Label, Null
from sqlalchemy.sql.operators import OperatorType, eq, is_, is_not, ne
from sqlalchemy.types import TypeDecorator, TypeEngine

from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.errors import misused
from strongroom.columns.in_use import PROCESS
from strongroom.columns.place import Binding, TokenFormat
from strongroom.columns.rows import beside
from strongroom.columns.sizes import column_length
from strongroom.columns.values import Processor, decrypting, encrypting


class EncryptedString(TypeDecorator[str]):
    """A text that is encrypted before it leaves the process and decrypted when it comes back; NULL stays NULL.

    `length` is the size of the database column, tokens and all; `max_bytes` is the longest text in UTF-8, and the
    column gets the size that the longest token of it needs. Give one of them, or neither for a column without limit.
    What does not fit is refused before the statement is sent, on every database.

    `binding` is 'row' by default: the token opens only beside the primary key it was written for. `strict` refuses
    tokens that are not bound so, once all are re-encrypted. `known_as` ('table.column') keeps tokens readable after the
    table or the column was renamed.
    """

    impl = String
    cache_ok = True

    def __init__(
        self,
        length: int | None = None,
        *,
        max_bytes: int | None = None,
        format: TokenFormat | str = TokenFormat.AES_GCM,  # noqa: A002 - the word users know it by
        binding: Binding | str | None = None,
        strict: bool = False,
        known_as: str | None = None,
    ) -> None:
        if length is not None and max_bytes is not None:
            raise misused("both length and max_bytes are given", "Give one: the size of the column or of the text.")
        super().__init__(length if max_bytes is None else column_length(max_bytes))
        self.length, self.max_bytes = length, max_bytes
        self.format = TokenFormat(format)
        default = Binding.ROW if self.format is TokenFormat.AES_GCM else Binding.COLUMN
        self.binding = default if binding is None else Binding(binding)
        self.strict, self.known_as = strict, known_as
        if known_as is not None and not all(known_as.rpartition(".")):
            raise misused(f"known_as={known_as!r} names no table and column", "Write it as 'table.column'.")
        self._column: Column[Any] | None = None

    def __repr__(self) -> str:
        named = {"length": self.length, "max_bytes": self.max_bytes, "known_as": self.known_as}
        shown = [f"{name}={value!r}" for name, value in named.items() if value is not None]
        shown += [f"format={self.format.value!r}", f"binding={self.binding.value!r}"]
        return f"EncryptedString({', '.join([*shown, *(['strict=True'] if self.strict else [])])})"

    @property
    def python_type(self) -> type[str]:
        return str

    @property
    def stored_length(self) -> int | None:
        """The size of the database column in characters, None for one without limit."""
        return self.length if self.max_bytes is None else column_length(self.max_bytes)

    @property
    def table(self) -> Table:
        """The table of the column this type belongs to; raises ColumnUseError."""
        table = None if self._column is None else self._column.table
        if not isinstance(table, Table):
            raise misused("the type is used outside a column of a table", "Use it for columns of mapped tables only.")
        return table

    @property
    def key_columns(self) -> int:
        """How many columns the primary key of the table has."""
        return len(self.table.primary_key.columns)

    def place(self) -> tuple[str, str]:
        """Return the names of table and column that tokens are bound to."""
        if self.known_as is not None:
            table, _, column = self.known_as.rpartition(".")
            return table, column
        return self.table.fullname, self._column.name if self._column is not None else ""

    def cipher(self) -> ColumnCipher:
        """Return the cipher of this column under the ring in use; raises KeyringMissingError."""
        return PROCESS.held().cipher(self.place(), self.format, self.binding, strict=self.strict)

    @property
    def comparator_factory(self) -> type[TypeDecorator.Comparator[Any]]:  # type: ignore[override] # SQLAlchemy's own
        return _NullOnly

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Store tokens without limit as TEXT; MySQL has no VARCHAR without a length."""
        length = self.stored_length
        return dialect.type_descriptor(Text() if length is None else String(length))

    def bind_processor(self, dialect: Dialect) -> Processor:
        """Make what encrypts parameters; SQLAlchemy asks once a statement and calls it once a value."""
        return encrypting(self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        """Make what decrypts results."""
        return decrypting(self)

    def literal_processor(self, dialect: Dialect) -> NoReturn:
        """Refuse: a value that is written into the statement itself shows in every log."""
        raise misused("a value is to be written into the statement's text", "Use parameters, not literal_binds.")

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Have the primary key of its row read beside a row-bound token."""
        if self.binding is not Binding.ROW:
            return column
        return beside(self.table, column.element if isinstance(column, Label) else column)

    def _set_parent(self, parent: Any, outer: bool = False, **kw: Any) -> None:  # noqa: FBT001, FBT002 - SQLAlchemy's
        super()._set_parent(parent, outer=outer, **kw)
        owner = self._column
        if owner is not None and owner is not parent and owner.type is self:
            # One type object for two columns, as a type_annotation_map gives: each needs one that knows its own place.
            parent.type = self.copy()
            parent.type._column = parent
        else:
            self._column = parent


class _NullOnly(TypeDecorator.Comparator[Any]):
    """What may be asked of an encrypted column in SQL: whether it is NULL."""

    def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        asked = other[0] if other else op
        # SQLAlchemy finds columns in its own tables by comparing a column with itself.
        if op in {eq, ne, is_, is_not} and (asked is None or isinstance(asked, Null) or self._is_same(asked)):
            return super().operate(op, *other, **kwargs)
        raise misused(
            f"the operator {op.__name__!r} is used on tokens, no two of which are alike",
            "Compare in Python, or search by a blind index.",
        )

    def _is_same(self, other: Any) -> bool:
        return isinstance(other, ColumnElement) and hash(other) == hash(self.expr)
