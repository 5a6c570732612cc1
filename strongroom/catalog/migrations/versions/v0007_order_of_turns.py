"""Keep the search for the next job from the index for handing over, which knows nothing of the order of turns."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TO_HAND_OVER = sa.text("state = 'queued' AND publish_count >= 0")


def upgrade() -> None:
    """Have the index say which query it is for."""
    op.drop_index("ix_job_due", "job")
    op.create_index("ix_job_due", "job", ["publish_after"], postgresql_where=TO_HAND_OVER, sqlite_where=TO_HAND_OVER)
