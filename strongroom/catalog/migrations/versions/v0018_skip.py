"""Keys shared with peers, the peers, and the secrets shared with them."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

ROWS_STAY_OUT = "strongroom: rows stay out of backups"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "skip_sealing_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(63), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_skip_sealing_key"),
        comment=ROWS_STAY_OUT,
    )
    op.create_table(
        "skip_key",
        sa.Column("origin", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(128), nullable=False),
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("sealing_key_id", sa.Uuid()),
        sa.Column("fingerprint", sa.LargeBinary()),
        sa.Column("ended", sa.String(16)),
        sa.Column("forget_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("origin", "key_id", name="pk_skip_key"),
        comment=ROWS_STAY_OUT,
    )
    op.create_index("ix_skip_key_forget_at", "skip_key", ["forget_at"])
    op.create_table(
        "skip_unspent",
        sa.Column("origin", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(128), nullable=False),
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("size_bits", sa.Integer(), nullable=False),
        sa.Column("sealing_key_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("peer_boot", sa.BigInteger()),
        sa.PrimaryKeyConstraint("origin", "key_id", name="pk_skip_unspent"),
        sa.ForeignKeyConstraint(
            ["origin", "key_id"], ["skip_key.origin", "skip_key.key_id"], name="fk_skip_unspent_origin_key_id"
        ),
        sa.ForeignKeyConstraint(["sealing_key_id"], ["skip_sealing_key.id"], name="fk_skip_unspent_sealing_key_id"),
        comment=ROWS_STAY_OUT,
    )
    op.create_index("ix_skip_unspent_expires_at", "skip_unspent", ["expires_at"])
    op.create_index("ix_skip_unspent_pool", "skip_unspent", ["peer", "state", "size_bits", "expires_at"])
    op.create_table(
        "skip_peer",
        sa.Column("system_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("boot", sa.BigInteger()),
        sa.Column("boot_said_at", sa.DateTime(timezone=True)),
        sa.Column("boots_left", sa.JSON()),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("sent_seq", sa.BigInteger(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True)),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("heard_at", sa.DateTime(timezone=True)),
        sa.Column("round_trip_ms", sa.Float()),
        sa.Column("offset_seconds", sa.Float()),
        sa.Column("pool_level", sa.Integer()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True)),
        sa.Column("capabilities", sa.JSON()),
        sa.Column("capabilities_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("system_id", name="pk_skip_peer"),
        comment=ROWS_STAY_OUT,
    )
    op.create_table(
        "skip_boot",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("lineage", sa.String(120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_skip_boot"),
        comment=ROWS_STAY_OUT,
    )
    op.create_table(
        "skip_epoch",
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealing_key_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("psk_id", sa.String(64), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("peer", "number", name="pk_skip_epoch"),
        sa.ForeignKeyConstraint(["sealing_key_id"], ["skip_sealing_key.id"], name="fk_skip_epoch_sealing_key_id"),
        comment=ROWS_STAY_OUT,
    )
    op.create_table(
        "skip_psk",
        sa.Column("peer", sa.String(64), nullable=False),
        sa.Column("psk_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("region", sa.String(63), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary()),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("peer", "psk_id", name="pk_skip_psk"),
    )
