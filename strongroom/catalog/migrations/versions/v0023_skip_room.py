"""What one peer fills, the last time it voided all, and why it does not answer."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the columns."""
    for name in ("held", "remembered"):
        op.add_column("skip_peer", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("skip_peer", sa.Column("voided_seq", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("skip_peer", sa.Column("silence", sa.String(200)))
