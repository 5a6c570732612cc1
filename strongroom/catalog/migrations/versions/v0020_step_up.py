"""Step-ups: wishes to destroy something, and the codes that permit it."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "step_up_challenge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("account_name", sa.String(120), nullable=False),
        sa.Column("verb", sa.String(32), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("binding", sa.LargeBinary(), nullable=False),
        sa.Column("needs_approval", sa.Boolean(), nullable=False),
        sa.Column("needs_delay", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True)),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        sa.Column("confirmed_in", sa.String(64)),
        sa.Column("approved_at", sa.DateTime(timezone=True)),
        sa.Column("approved_by", sa.String(64)),
        sa.Column("approved_name", sa.String(120)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended", sa.String(16)),
        sa.Column("ended_by", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_step_up_challenge"),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> account_id", name="ck_step_up_challenge_approved_by_another"
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended IS NULL)", name="ck_step_up_challenge_ended_somehow"),
    )
    op.create_index("ix_step_up_challenge_account_id_expires_at", "step_up_challenge", ["account_id", "expires_at"])
    op.create_index("ix_step_up_challenge_expires_at", "step_up_challenge", ["expires_at"])
