"""Addresses of operators, the outbox of what is said to them, and the networks they log in from."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Add the columns and the table; accounts that there are have no address yet."""
    op.add_column("account", sa.Column("email", sa.String(254)))
    op.add_column("login_session", sa.Column("network", sa.String(43)))
    op.add_column("alert_delivery", sa.Column("recipient", sa.String(254)))
    op.create_table(
        "personal_notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(254)),
        sa.Column("about", sa.String(32), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("body", sa.String(2000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("routed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_personal_notice"),
    )
    unrouted = sa.text("routed_at IS NULL")
    op.create_index(
        "ix_personal_notice_unrouted",
        "personal_notice",
        ["created_at"],
        postgresql_where=unrouted,
        sqlite_where=unrouted,
    )
    op.create_index("ix_personal_notice_account_id_created_at", "personal_notice", ["account_id", "created_at"])
