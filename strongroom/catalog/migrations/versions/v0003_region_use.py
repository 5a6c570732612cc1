"""Who uses a region now."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "region_use",
        sa.Column("region", sa.String(63), nullable=False),
        sa.Column("process", sa.String(120), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region", "process", name="pk_region_use"),
    )
