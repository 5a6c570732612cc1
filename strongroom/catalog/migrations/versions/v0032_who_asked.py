"""Who asked for a job, for the lines of the log that its attempts write."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Add the columns; of jobs from before nobody knows."""
    op.add_column("job", sa.Column("user_id", sa.String(120)))
    op.add_column("job", sa.Column("username", sa.String(120)))
