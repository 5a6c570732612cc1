"""Restore drills."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "drill",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("backup_id", sa.Uuid()),
        sa.Column("region", sa.String(63)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("seconds", sa.Float()),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("report", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_drill"),
        sa.ForeignKeyConstraint(["backup_id"], ["backup.id"], name="fk_drill_backup_id"),
    )
    op.create_index("ix_drill_source_finished_at", "drill", ["source", "finished_at"])
    op.create_index("ix_drill_backup_id", "drill", ["backup_id"])
