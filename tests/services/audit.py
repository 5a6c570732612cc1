"""Reading the audit log in tests."""

from sqlalchemy import select

from strongroom.catalog.audit import AuditRow
from strongroom.catalog.session import Catalog


def audit_rows(catalog: Catalog, **columns: str) -> list[AuditRow]:
    """Return the rows with these values, in their order."""
    query = select(AuditRow).filter_by(**columns).order_by(AuditRow.sequence)
    with catalog.read() as session:
        return list(session.scalars(query))
