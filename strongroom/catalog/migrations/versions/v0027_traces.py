"""Which request asked for a job, how each attempt that was not the only one began and ended, and traces of alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

ASKED_FOR = sa.text("request_id IS NOT NULL")


def upgrade() -> None:
    """Add the column, the table and what finds them."""
    op.add_column("job", sa.Column("request_id", sa.String(64)))
    op.create_index("ix_job_request_id", "job", ["request_id"], postgresql_where=ASKED_FOR, sqlite_where=ASKED_FOR)
    op.create_index("ix_alert_trace_id", "alert", ["trace_id"])
    op.create_table(
        "job_attempt",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(120)),
        sa.Column("began_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended", sa.String(16)),
        sa.Column("error_code", sa.String(120)),
        sa.PrimaryKeyConstraint("job_id", "attempt", name="pk_job_attempt"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_attempt_job_id_job"),
    )
