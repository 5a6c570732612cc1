"""Encrypted columns of applications: their register, their re-encryption, and rows that do not decrypt."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

IS_OPEN = sa.text("state IN ('pending', 'running', 'paused')")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "encrypted_column",
        sa.Column("place", sa.String(400), nullable=False),
        sa.Column("target", sa.JSON(), nullable=False),
        sa.Column("model", sa.String(300)),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows_by_version", sa.JSON()),
        sa.Column("counted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("place", name="pk_encrypted_column"),
    )
    op.create_table(
        "reencrypt_jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("place", sa.String(400), nullable=False),
        sa.Column("target", sa.JSON(), nullable=False),
        sa.Column("model", sa.String(300)),
        sa.Column("target_version", sa.String(32), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("pace", sa.JSON(), nullable=False),
        sa.Column("total_rows", sa.BigInteger(), nullable=False),
        sa.Column("rows_by_version", sa.JSON()),
        sa.Column("last_error", sa.JSON()),
        sa.Column("trace_id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_reencrypt_jobs"),
    )
    op.create_index(
        "uq_reencrypt_jobs_open",
        "reencrypt_jobs",
        ["place"],
        unique=True,
        postgresql_where=IS_OPEN,
        sqlite_where=IS_OPEN,
    )
    op.create_index("ix_reencrypt_jobs_state", "reencrypt_jobs", ["state"])
    op.create_table(
        "reencrypt_ranges",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("lower", sa.JSON()),
        sa.Column("upper", sa.JSON()),
        sa.Column("cursor", sa.JSON()),
        sa.Column("ledger_job", sa.Uuid(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("processed", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("broken", sa.BigInteger(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("rows_per_second", sa.Float()),
        sa.ForeignKeyConstraint(["job_id"], ["reencrypt_jobs.id"], name="fk_reencrypt_ranges_job_id"),
        sa.ForeignKeyConstraint(["ledger_job"], ["job.id"], name="fk_reencrypt_ranges_ledger_job"),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_reencrypt_ranges"),
    )
    op.create_index("ix_reencrypt_ranges_ledger_job", "reencrypt_ranges", ["ledger_job"])
    op.create_table(
        "reencrypt_quarantine",
        sa.Column("place", sa.String(400), nullable=False),
        sa.Column("key_digest", sa.String(64), nullable=False),
        sa.Column("key", sa.JSON(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(32)),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(100), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("place", "key_digest", name="pk_reencrypt_quarantine"),
    )
    op.create_index("ix_reencrypt_quarantine_version", "reencrypt_quarantine", ["version"])
