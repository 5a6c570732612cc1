"""Since when a message of an alert was to be said, so that its lag counts the way to its channel too."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Add the column; messages that there are count from when they were written."""
    op.add_column("alert_delivery", sa.Column("since", sa.DateTime(timezone=True)))
