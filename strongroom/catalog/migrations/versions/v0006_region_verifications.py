"""What checks of whole regions found, and when each pack was read last."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "region_verification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(63), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("passed", sa.Boolean()),
        sa.Column("evidence", sa.String(16)),
        sa.Column("backups", sa.BigInteger(), nullable=False),
        sa.Column("objects", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("damaged_backups", sa.BigInteger(), nullable=False),
        sa.Column("damage", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_region_verification"),
    )
    op.create_index("ix_region_verification_region_finished_at", "region_verification", ["region", "finished_at"])
    op.create_table(
        "pack_reading",
        sa.Column("region", sa.String(63), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("unread_since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region", "sha256", name="pk_pack_reading"),
    )
    op.create_index("ix_pack_reading_region_unread_since", "pack_reading", ["region", "unread_since"])
