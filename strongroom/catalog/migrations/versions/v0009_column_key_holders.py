"""Processes that hold keys of encrypted columns."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "column_key_holder",
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("ring", sa.String(32)),
        sa.Column("active", sa.String(32)),
        sa.Column("versions", sa.JSON()),
        sa.Column("host", sa.String(120), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_column_key_holder"),
    )
