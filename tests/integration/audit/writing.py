"""What tests write into an audit log, and how they read it."""

from dataclasses import dataclass

from sqlalchemy import select, text

from strongroom.access.principals import PrincipalKind
from strongroom.audit.acting import Actor
from strongroom.catalog.audit import AuditHead, AuditRow
from strongroom.catalog.session import Catalog
from strongroom.purposekeys.keys import PurposeKeys

ANA = Actor(PrincipalKind.OPERATOR, "0197f3c2", "ana", "192.0.2.1", "POST /v1/backups", "shop", "req-1", "f" * 32)
CHANGE = text(
    "INSERT INTO schedule_progress (source, spec, followed_until) VALUES (:source, '', '2026-01-01 00:00:00')"
)
CHANGES = text("SELECT count(*) FROM schedule_progress")


@dataclass(frozen=True, slots=True)
class Log:
    """A catalog with its trail, and the installation's own keys."""

    catalog: Catalog
    keys: PurposeKeys

    def rows(self) -> list[AuditRow]:
        with self.catalog.read() as session:
            return list(session.scalars(select(AuditRow).order_by(AuditRow.sequence)))

    def actions(self) -> list[str]:
        return [row.action for row in self.rows()]

    def head(self) -> AuditHead:
        with self.catalog.read() as session:
            return session.scalars(select(AuditHead)).one()

    def change(self, source: str = "shop") -> None:
        """Change something that has nothing to say of itself."""
        with self.catalog.begin() as session:
            session.execute(CHANGE, {"source": source})

    def changes(self) -> int:
        with self.catalog.read() as session:
            return session.scalar(CHANGES) or 0
