"""What was seen last of PostgreSQL standbys."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "standby_state",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("region", sa.String(63)),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lag_seconds", sa.Float()),
        sa.Column("lag_bytes", sa.BigInteger()),
        sa.Column("timeline", sa.Integer()),
        sa.Column("slot", sa.String(63)),
        sa.Column("slot_bytes", sa.BigInteger()),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("samples", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_standby_state"),
    )
