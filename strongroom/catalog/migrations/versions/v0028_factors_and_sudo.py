"""Second factors of other kinds than codes, and since when a session has gone on showing codes."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add the columns; sessions that there are begin with the code they showed last."""
    op.add_column("account_factor", sa.Column("credential_id", sa.LargeBinary(1023)))
    op.add_column("account_factor", sa.Column("public_key", sa.LargeBinary()))
    op.create_index("uq_account_factor_credential_id", "account_factor", ["credential_id"], unique=True)
    op.add_column("login_session", sa.Column("factor_since", sa.DateTime(timezone=True)))
