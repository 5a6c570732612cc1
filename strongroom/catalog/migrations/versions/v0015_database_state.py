"""Databases that AWS runs, as they were seen last."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "database_state",
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.JSON()),
        sa.Column("fault", sa.String(500)),
        sa.PrimaryKeyConstraint("source", name="pk_database_state"),
    )
