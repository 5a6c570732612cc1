"""Operators: accounts, second factors, backup codes, logins and sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("password_changed_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT),
        sa.Column("must_enroll", sa.Boolean(), nullable=False),
        sa.Column("codes_failed", sa.Integer(), nullable=False),
        sa.Column("codes_locked_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
    )
    op.create_table(
        "account_factor",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("secret", sa.String(217)),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT),
        sa.Column("last_used_at", MOMENT),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_account_factor"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_account_factor_account_id"),
    )
    op.create_table(
        "account_backup_code",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "digest", name="pk_account_backup_code"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_account_backup_code_account_id"),
    )
    op.create_table(
        "account_attempts",
        sa.Column("subject", sa.String(48), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("short_began", MOMENT, nullable=False),
        sa.Column("short_count", sa.Integer(), nullable=False),
        sa.Column("hour_began", MOMENT, nullable=False),
        sa.Column("hour_count", sa.Integer(), nullable=False),
        sa.Column("day_began", MOMENT, nullable=False),
        sa.Column("day_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "kind", name="pk_account_attempts"),
    )
    op.create_table(
        "login_challenge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_challenge"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_login_challenge_account_id"),
    )
    op.create_index("ix_login_challenge_expires_at", "login_challenge", ["expires_at"])
    op.create_table(
        "login_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("factor_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("refreshed_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_login_session"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_login_session_account_id"),
    )
    op.create_index("ix_login_session_account_id", "login_session", ["account_id"])
    op.create_index("ix_login_session_expires_at", "login_session", ["expires_at"])
