"""Run by Alembic: migrate on the connection, and inside the transaction, that `catalog.schema.upgrade` opened."""

from alembic import context

from strongroom.catalog import (
    accounts,
    alert_messages,
    alerts,
    audit,
    backups,
    column_keys,
    databases,
    drills,
    heartbeats,
    jobs,
    key_slots,
    purpose_keys,
    reencryption,
    region_verifications,
    retention,
    schedules,
    service_tokens,
    session_epochs,
    skip_keys,
    skip_peers,
    skip_psks,
    standbys,
    step_up,
    tallies,
    traffic,
    watching,
)
from strongroom.catalog.base import Base

TABLE_MODULES = (
    accounts,
    alert_messages,
    alerts,
    audit,
    backups,
    column_keys,
    databases,
    drills,
    heartbeats,
    jobs,
    key_slots,
    purpose_keys,
    reencryption,
    region_verifications,
    retention,
    schedules,
    session_epochs,
    service_tokens,
    skip_keys,
    skip_peers,
    skip_psks,
    standbys,
    step_up,
    tallies,
    traffic,
    watching,
)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
