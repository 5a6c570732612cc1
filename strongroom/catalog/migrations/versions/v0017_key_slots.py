"""Key slots in the regions, as they were counted last."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "key_slot_census",
        sa.Column("region", sa.String(63), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region", name="pk_key_slot_census"),
    )
