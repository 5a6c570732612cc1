"""The audit log: rows that are only ever added, and the head that ends them."""

import uuid

import sqlalchemy as sa
from alembic import op

from strongroom.clock import system_random

revision = "0025"
down_revision = "0024"

APPEND_ONLY = """
CREATE FUNCTION strongroom_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of the audit log are never changed or deleted';
END $$;
CREATE FUNCTION strongroom_audit_head_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.sequence <= OLD.sequence OR NEW.id <> OLD.id OR NEW.chain <> OLD.chain THEN
        RAISE EXCEPTION 'the head of the audit log only moves forward';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION strongroom_audit_append_only();
CREATE TRIGGER audit_head_stays BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION strongroom_audit_append_only();
CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION strongroom_audit_head_forward();
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_append_only;
ALTER TABLE audit_head ENABLE ALWAYS TRIGGER audit_head_stays;
ALTER TABLE audit_head ENABLE ALWAYS TRIGGER audit_head_forward;
"""
SQLITE = (
    """CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
    BEGIN SELECT RAISE(ABORT, 'rows of the audit log are never changed'); END""",
    """CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
    BEGIN SELECT RAISE(ABORT, 'rows of the audit log are never deleted'); END""",
    """CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
    BEGIN SELECT RAISE(ABORT, 'the head of the audit log is never deleted'); END""",
    """CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head
    WHEN NEW.sequence <= OLD.sequence OR NEW.id <> OLD.id OR NEW.chain <> OLD.chain
    BEGIN SELECT RAISE(ABORT, 'the head of the audit log only moves forward'); END""",
)


def upgrade() -> None:
    """Create both tables, the head of an empty chain, and what refuses to change them."""
    op.create_table(
        "audit_log",
        sa.Column("sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor_id", sa.String(120), nullable=False),
        sa.Column("actor_name", sa.String(120), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("operation", sa.String(120), nullable=False),
        sa.Column("action", sa.String(120), nullable=False),
        sa.Column("target", sa.String(500), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("trace_id", sa.String(64), nullable=False),
        sa.Column("before_digest", sa.String(64), nullable=False),
        sa.Column("after_digest", sa.String(64), nullable=False),
        sa.Column("mac", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_log"),
    )
    for columns in (["at"], ["request_id"], ["trace_id"]):
        op.create_index(f"ix_audit_log_{columns[0]}", "audit_log", columns)
    for column in ("actor_id", "actor_name", "action", "target"):
        op.create_index(f"ix_audit_log_{column}_sequence", "audit_log", [column, "sequence"])
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("chain", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(32), nullable=False),
        sa.Column("seal", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    chain = uuid.UUID(bytes=system_random(16), version=4)
    op.bulk_insert(head, [{"id": 1, "chain": chain, "sequence": 0, "mac": bytes(32), "seal": b""}])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text(APPEND_ONLY.replace(":", r"\:")))
        return
    for statement in SQLITE:
        op.execute(statement)
