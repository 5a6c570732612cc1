"""Slots of the installation's own keys: one for each region, so that losing one region loses none of them."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Create the table; a tick fills it for keys that are there already."""
    op.create_table(
        "purpose_key_slot",
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("region", sa.String(63), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("purpose", "region", name="pk_purpose_key_slot"),
    )
