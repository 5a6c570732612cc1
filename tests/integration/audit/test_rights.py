"""What docs/audit.md says about the rights of the role that Strongroom connects as."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from strongroom.audit.events import AuditAction, AuditEvent
from strongroom.audit.recording import record
from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import upgrade, verify_schema
from strongroom.clock import SystemClock
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.runtime import open_catalog
from tests.services.audit import audit_rows

PAGE = Path(__file__).parents[3] / "docs" / "audit.md"
FORBIDDEN = (
    "UPDATE audit_log SET target = 'another'",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log",
    "ALTER TABLE audit_log DISABLE TRIGGER ALL",
    "DROP FUNCTION strongroom_audit_append_only() CASCADE",
    "DELETE FROM audit_head",
    "UPDATE audit_head SET sequence = 0",
    "SET session_replication_role = replica",
)


def _statements(role: str) -> list[str]:
    """Return what the page has the owner say, for a role of this test."""
    block = re.search(r"```sql\n-- as the owner of the tables.*?\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert block is not None
    return [
        line.replace("TO strongroom", f"TO {role}").replace("FROM strongroom", f"FROM {role}")
        for line in block[1].splitlines()
    ]


def _execute(url: str, *statements: str) -> None:
    engine: Engine = open_engine(url)
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


@pytest.fixture
def lesser_url(database: str) -> Iterator[str]:
    """Return the address of a catalog for a role that does not own its tables."""
    name, password = f"lesser_{secrets.token_hex(4)}", secrets.token_hex(8)
    owner, engine = database, open_engine(database)
    upgrade(engine)
    engine.dispose()
    _execute(owner, f"CREATE ROLE {name} LOGIN PASSWORD '{password}'", *_statements(name))
    yield make_url(owner).set(username=name, password=password).render_as_string(hide_password=False)
    _execute(owner, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_a_role_without_the_tables_writes_rows_and_changes_none(lesser_url: str, tmp_path: Path) -> None:
    keys = LocalKekProvider(KeyFile.create(tmp_path / "strongroom.keys", ["eu"]), "eu")
    engine = open_engine(lesser_url)
    verify_schema(engine)
    engine.dispose()
    catalog, _ = open_catalog(lesser_url, {"eu": keys}, SystemClock())
    with catalog.begin() as session:
        record(session, AuditEvent(AuditAction.USER_UPDATED, "ana"))
    assert [row.target for row in audit_rows(catalog, action="user_updated")] == ["ana"]
    catalog.close()

    for statement in FORBIDDEN:
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner|only moves forward"):
            _execute(lesser_url, statement)
