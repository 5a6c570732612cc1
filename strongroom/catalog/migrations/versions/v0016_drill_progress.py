"""How far the schedules of drills were followed."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "drill_progress",
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("spec", sa.String(64), nullable=False),
        sa.Column("followed_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("source", name="pk_drill_progress"),
    )
