"""Deadlines, pauses and exclusion keys of jobs; what older jobs have of them; the source of every older job."""

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

OPEN_JOBS = "SELECT id, kind, args, source FROM job WHERE state IN ('queued', 'running', 'paused') ORDER BY state, id"
SOURCE_OF_COPIES = {
    "postgresql": "SELECT source FROM backup WHERE backup.id = CAST(job.args ->> 'backup' AS uuid)",
    "sqlite": "SELECT source FROM backup WHERE backup.id = replace(json_extract(job.args, '$.backup'), '-', '')",
}
SOURCE_OF_RESTORES = "SELECT source FROM backup JOIN restore ON restore.backup_id = backup.id WHERE restore.id = job.id"
SOURCE_OF_VERIFICATIONS = (
    "SELECT source FROM backup JOIN verification ON verification.backup_id = backup.id WHERE verification.id = job.id"
)


def upgrade() -> None:
    """Add the columns, the table and the indexes, then fill in what is known about older jobs."""
    _add_columns()
    op.create_table(
        "paused_queue",
        sa.Column("queue", sa.String(32), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_by", sa.String(120), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("queue", name="pk_paused_queue"),
    )
    _create_indexes()
    _name_sources()
    _name_keys()
    # Verifications make way for copies from now on.
    op.execute("UPDATE job SET priority = 8 WHERE kind = 'verification.run'")


def _add_columns() -> None:
    op.add_column("job", sa.Column("exclusion", sa.String(120)))
    op.add_column("job", sa.Column("pause_requested", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("job", sa.Column("deadline_at", sa.DateTime(timezone=True)))


def _create_indexes() -> None:
    _create_index("ix_job_urgency", ["queue", "priority", "created_at"], "state = 'queued'")
    _create_index("ix_job_deadline", ["deadline_at"], "state IN ('queued', 'paused') AND deadline_at IS NOT NULL")
    _create_index(
        "ix_job_line",
        ["exclusion", "priority", "created_at", "id"],
        "state = 'queued' AND exclusion IS NOT NULL",
    )
    _create_index("uq_job_exclusion", ["exclusion"], "state = 'running' AND exclusion IS NOT NULL", unique=True)


def _create_index(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, "job", columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


def _name_sources() -> None:
    ways = {
        "restore.run": SOURCE_OF_RESTORES,
        "verification.run": SOURCE_OF_VERIFICATIONS,
        "replication.copy": SOURCE_OF_COPIES[op.get_bind().dialect.name],
    }
    job = sa.table("job", sa.column("kind"), sa.column("source"))
    for kind, query in ways.items():
        nameless = sa.update(job).where(job.c.kind == kind, job.c.source.is_(None))
        op.execute(nameless.values(source=sa.text(f"({query})")))


def _name_keys() -> None:
    """Give open jobs their keys; of two that run already on one key, which ends by itself, the first has it."""
    connection = op.get_bind()
    job = sa.table("job", sa.column("id"), sa.column("exclusion"), sa.column("state"))
    for row in connection.execute(sa.text(OPEN_JOBS)).all():
        key = _key_of(row.kind, row.args if isinstance(row.args, dict) else json.loads(row.args), row.source)
        if key is None:
            continue
        busy = sa.exists(sa.text("1 FROM job other WHERE other.state = 'running' AND other.exclusion = :key"))
        statement = sa.update(job).where(job.c.id == row.id, sa.or_(job.c.state != "running", ~busy))
        connection.execute(statement.values(exclusion=key), {"key": key})


def _key_of(kind: str, args: dict[str, Any], source: str | None) -> str | None:
    # As the program names them when it writes such jobs; this is how it was when this revision was made.
    if kind == "backup.run":
        return f"source:{source}"
    if kind == "restore.run":
        target = json.dumps(args["target"], sort_keys=True, separators=(",", ":"))
        return f"target:{hashlib.sha256(target.encode()).hexdigest()}"
    return None
