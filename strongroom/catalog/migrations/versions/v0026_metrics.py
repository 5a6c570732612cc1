"""Counts that grow for ever, the queues of workers, and indexes for what metrics ask of jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

ENDED_BACKUPS = sa.text("kind = 'backup.run' AND finished_at IS NOT NULL")
RETRIED = sa.text("attempt > 1")


def upgrade() -> None:
    """Create the table, the column and the indexes."""
    op.create_table(
        "tally",
        sa.Column("counted", sa.String(32), nullable=False),
        sa.Column("first", sa.String(64), nullable=False),
        sa.Column("second", sa.String(64), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("counted", "first", "second", name="pk_tally"),
    )
    op.add_column("heartbeat", sa.Column("queues", sa.String(200)))
    _index("ix_job_backup_ended", ["source", "state"], ENDED_BACKUPS)
    _index("ix_job_retried", ["queue", "attempt"], RETRIED)


def _index(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "job", columns, postgresql_where=where, sqlite_where=where)
