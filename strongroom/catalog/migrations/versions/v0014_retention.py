"""Holds, policies agreed upon, expiries with their receipts, locks, and who changed what is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "agreed_policy",
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("policy", sa.String(63), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("agreed_by", sa.String(120), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_agreed_policy"),
    )
    op.create_table(
        "retention_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("backup_id", sa.Uuid()),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_retention_event"),
    )
    op.create_index("ix_retention_event_backup_id", "retention_event", ["backup_id"])
    op.create_index("ix_retention_event_source_id", "retention_event", ["source", "id"])
    op.create_table(
        "backup_lock",
        sa.Column("backup_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(63), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["backup_id"], ["backup.id"], name="fk_backup_lock_backup_id"),
        sa.PrimaryKeyConstraint("backup_id", "region", name="pk_backup_lock"),
    )
    op.create_table(
        "expiry",
        sa.Column("backup_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("policy", sa.String(63), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("decided_by", sa.String(120), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("receipt", sa.Text()),
        sa.ForeignKeyConstraint(["backup_id"], ["backup.id"], name="fk_expiry_backup_id"),
        sa.PrimaryKeyConstraint("backup_id", name="pk_expiry"),
    )
    op.create_index("ix_expiry_finished_at", "expiry", ["finished_at"])
    op.create_index("ix_expiry_source_decided_at", "expiry", ["source", "decided_at"])
    op.create_table(
        "hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("backup_id", sa.Uuid()),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("placed_by", sa.String(120), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("released_by", sa.String(120)),
        sa.Column("released_at", sa.DateTime(timezone=True)),
        sa.Column("release_reason", sa.String(500)),
        sa.CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="ck_hold_released_by_somebody"),
        sa.ForeignKeyConstraint(["backup_id"], ["backup.id"], name="fk_hold_backup_id"),
        sa.PrimaryKeyConstraint("id", name="pk_hold"),
    )
    op.create_index("ix_hold_backup_id", "hold", ["backup_id"])
    op.create_index("ix_hold_source_released_at", "hold", ["source", "released_at"])
    op.create_table(
        "expiry_region",
        sa.Column("backup_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(63), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("slots", sa.JSON()),
        sa.Column("retained_until", sa.DateTime(timezone=True)),
        sa.Column("receipt_stored", sa.Boolean(), nullable=False),
        sa.Column("last_error", sa.String(500)),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["backup_id"], ["expiry.backup_id"], name="fk_expiry_region_backup_id"),
        sa.PrimaryKeyConstraint("backup_id", "region", name="pk_expiry_region"),
    )
