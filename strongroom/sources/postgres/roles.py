"""The statements of pg_dumpall --globals-only, and those of them that make what a server lacks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.settings.postgres import PostgresSourceSettings

_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|^\\[^\n]*\n|;|[^'"\-;\\]+|.""", re.M | re.S)
_ABOUT = re.compile(
    r'\s*(?:(?:CREATE|ALTER) (ROLE|TABLESPACE)|COMMENT ON (ROLE|TABLESPACE)) ("(?:[^"]|"")*"|[^\s;]+)', re.S
)


@dataclass(frozen=True, slots=True)
class Globals:
    """Roles and tablespaces as SQL; `skipped` names those that the server has already."""

    statements: tuple[str, ...]
    skipped: tuple[str, ...]

    @property
    def script(self) -> str:
        """Return the statements as one text."""
        return "".join(f"{statement}\n" for statement in self.statements)


def all_globals(text: str) -> Globals:
    """Return every statement of a dump of globals."""
    return Globals(tuple(_statements(text)), ())


def lacking_globals(text: str, settings: PostgresSourceSettings) -> Globals:
    """Leave out what is about roles and tablespaces that a server has; raises as `connect`.

    Memberships stay: granting one that exists changes nothing.
    """
    # The PostgreSQL driver is an extra that a machine with files only does not need.
    from strongroom.sources.postgres.connection import connect_anywhere

    with connect_anywhere(settings) as connection:
        query = "SELECT 'ROLE', rolname FROM pg_roles UNION ALL SELECT 'TABLESPACE', spcname FROM pg_tablespace"
        there = {(row[0], row[1]) for row in connection.execute(query).fetchall()}
    statements = list(_statements(text))
    subjects = [_subject(statement) for statement in statements]
    kept = tuple(one for one, about in zip(statements, subjects, strict=True) if about not in there)
    skipped = sorted({f"{about[0].lower()} {about[1]}" for about in subjects if about in there and about})
    return Globals(kept, tuple(skipped))


def _statements(text: str) -> Iterator[str]:
    """Split at semicolons outside quotes; comments and psql's own commands are left out."""
    statement = ""
    for piece in _TOKEN.findall(text):
        if piece.startswith(("--", "\\")):
            continue
        statement += piece
        if piece == ";":
            yield statement.strip()
            statement = ""


def _subject(statement: str) -> tuple[str, str] | None:
    match = _ABOUT.match(statement)
    if match is None:
        return None
    name = match[3]
    return (match[1] or match[2], name[1:-1].replace('""', '"') if name.startswith('"') else name)
