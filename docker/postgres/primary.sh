#!/bin/sh
# Run once by the image of PostgreSQL, when the primary is made: roles for the standby and for the watcher, and the slot.
# Passwords come from files and go through standard input: neither is seen in a list of processes.
set -eu

secrets="${SECRETS_DIRECTORY:-/run/secrets}"
slot="${REPLICATION_SLOT:-standby}"

# As a literal of SQL.
literal() {
    printf "'%s'" "$(sed "s/'/''/g" "$1")"
}

psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD $(literal "$secrets/replication_password");
CREATE ROLE monitor LOGIN PASSWORD $(literal "$secrets/monitor_password");
GRANT pg_monitor TO monitor;
SELECT pg_create_physical_replication_slot('$slot');
SQL

printf 'host replication replicator all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
