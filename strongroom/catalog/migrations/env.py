"""Run by Alembic: migrate on the connection, and inside the transaction, that `catalog.schema.upgrade` opened."""

from alembic import context

from strongroom.catalog import (
    alerts,
    backups,
    column_keys,
    databases,
    drills,
    jobs,
    key_slots,
    reencryption,
    region_verifications,
    retention,
    schedules,
    standbys,
    traffic,
)
from strongroom.catalog.base import Base

TABLE_MODULES = (
    alerts,
    backups,
    column_keys,
    databases,
    drills,
    jobs,
    key_slots,
    reencryption,
    region_verifications,
    retention,
    schedules,
    standbys,
    traffic,
)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
