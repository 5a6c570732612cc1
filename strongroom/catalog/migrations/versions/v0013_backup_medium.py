"""What a backup consists of: objects in our repository, or snapshots that AWS keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column; every backup so far is in the repository."""
    op.add_column("backup", sa.Column("medium", sa.String(16), nullable=False, server_default="repository"))
