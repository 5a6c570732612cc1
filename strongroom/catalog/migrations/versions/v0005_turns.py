"""The order in which jobs take their turn, to the last of them, and how many messages of a queue are out."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

WAITING = sa.text("state = 'queued'")
HANDED_OVER = sa.text("state = 'queued' AND published_at IS NOT NULL")


def upgrade() -> None:
    """Order jobs that were written together, too; find those that were handed over."""
    op.drop_index("ix_job_urgency", "job")
    columns = ["queue", "priority", "created_at", "id"]
    op.create_index("ix_job_turn", "job", columns, postgresql_where=WAITING, sqlite_where=WAITING)
    op.create_index("ix_job_out", "job", ["queue"], postgresql_where=HANDED_OVER, sqlite_where=HANDED_OVER)
