"""Alerts, their outbox and silences, and what the watcher keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

UNRESOLVED = sa.text("state <> 'resolved'")
WAITING = sa.text("state = 'waiting'")
UNROUTED = sa.text("routed_at IS NULL")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "alert",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dedup_key", sa.String(64), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(120), nullable=False),
        sa.Column("source", sa.String(63)),
        sa.Column("region", sa.String(63)),
        sa.Column("policy", sa.String(63)),
        sa.Column("backup_id", sa.Uuid()),
        sa.Column("job_id", sa.Uuid()),
        sa.Column("trace_id", sa.String(32)),
        sa.Column("message", sa.String(500), nullable=False),
        sa.Column("next_step", sa.String(1000), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("flapping", sa.Boolean(), nullable=False),
        sa.Column("suppressed_by", sa.String(200)),
        sa.Column("notices", sa.Integer(), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True)),
        sa.Column("escalated", sa.Integer(), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
        sa.Column("acknowledged_by", sa.String(120)),
        sa.Column("resolved_at", sa.DateTime(timezone=True)),
        sa.Column("resolved_by", sa.String(120)),
        sa.Column("resolution", sa.String(500)),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
    )
    op.create_index("ix_alert_cause", "alert", ["cause"], postgresql_where=UNRESOLVED, sqlite_where=UNRESOLVED)
    op.create_index("ix_alert_dedup_key_id", "alert", ["dedup_key", "id"])
    op.create_index("ix_alert_resolved_at", "alert", ["resolved_at"])
    op.create_index(
        "uq_alert_unresolved", "alert", ["dedup_key"], unique=True, postgresql_where=UNRESOLVED, sqlite_where=UNRESOLVED
    )
    op.create_table(
        "alert_channel",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True)),
        sa.Column("failed_at", sa.DateTime(timezone=True)),
        sa.Column("last_error", sa.String(500)),
        sa.Column("tested_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("name", name="pk_alert_channel"),
    )
    op.create_table(
        "alert_silence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("matcher", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("created_by", sa.String(120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(120)),
        sa.PrimaryKeyConstraint("id", name="pk_alert_silence"),
    )
    op.create_index("ix_alert_silence_ends_at", "alert_silence", ["ends_at"])
    op.create_table(
        "expected_run",
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("spec", sa.String(64), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grace_seconds", sa.Integer(), nullable=False),
        sa.Column("alert_after", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_expected_run"),
    )
    op.create_index("ix_expected_run_alert_after", "expected_run", ["alert_after"])
    op.create_table(
        "source_ping",
        sa.Column("source", sa.String(63), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_source_ping"),
    )
    op.create_table(
        "watch_lease",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(120), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_watch_lease"),
    )
    op.create_table(
        "watch_tick",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_watch_tick"),
    )
    op.create_table(
        "alert_delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid()),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(63), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_owner", sa.String(120)),
        sa.Column("last_error", sa.String(500)),
        sa.Column("stands_in_for", sa.String(63)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_alert_delivery_alert_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_delivery"),
    )
    op.create_index("ix_alert_delivery_alert_id", "alert_delivery", ["alert_id"])
    op.create_index(
        "ix_alert_delivery_due", "alert_delivery", ["due_at"], postgresql_where=WAITING, sqlite_where=WAITING
    )
    op.create_index("ix_alert_delivery_group_id", "alert_delivery", ["group_id"])
    op.create_table(
        "alert_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid()),
        sa.Column("silence_id", sa.Uuid()),
        sa.Column("dedup_key", sa.String(64)),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("detail", sa.String(500)),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_alert_event_alert_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_event"),
    )
    op.create_index("ix_alert_event_alert_id", "alert_event", ["alert_id"])
    op.create_index("ix_alert_event_dedup_key_at", "alert_event", ["dedup_key", "at"])
    op.create_table(
        "alert_notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("routed_at", sa.DateTime(timezone=True)),
        sa.Column("held_by", sa.String(200)),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_alert_notice_alert_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_notice"),
    )
    op.create_index("ix_alert_notice_alert_id", "alert_notice", ["alert_id"])
    op.create_index(
        "ix_alert_notice_unrouted",
        "alert_notice",
        ["created_at"],
        postgresql_where=sa.text("routed_at IS NULL"),
        sqlite_where=sa.text("routed_at IS NULL"),
    )
