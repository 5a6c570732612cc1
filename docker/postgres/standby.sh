#!/bin/sh
# Starts a standby of PostgreSQL. The first time it copies the primary; later it goes on from where it was.
#
#   PRIMARY_HOST                where the primary is; PRIMARY_PORT, by default 5432
#   REPLICATION_PASSWORD_FILE   the file with the password of the role `replicator`
#   REPLICATION_SLOT            its slot on the primary, by default `standby`
#   PGDATA                      where its data is, or will be
#
# What stands behind the name of the script goes to the server.
set -eu
umask 077

: "${PRIMARY_HOST:?}" "${REPLICATION_PASSWORD_FILE:?}" "${PGDATA:?}"
port="${PRIMARY_PORT:-5432}"
slot="${REPLICATION_SLOT:-standby}"
config="${POSTGRES_CONFIG:-/etc/strongroom/postgres.conf}"

# Made anew each time, where nobody else reads: the password may have been changed.
PGPASSFILE="${PASSFILE_DIRECTORY:-/tmp}/pgpass"
export PGPASSFILE
# A colon or backslash would end the field.
printf '%s:%s:*:replicator:%s\n' "$PRIMARY_HOST" "$port" \
    "$(sed 's/[:\\]/\\&/g' "$REPLICATION_PASSWORD_FILE")" >"$PGPASSFILE"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # Beside its place first: a copy that was broken off never passes for a whole one.
    rm -rf "$PGDATA.new"
    pg_basebackup --pgdata "$PGDATA.new" --host "$PRIMARY_HOST" --port "$port" --username replicator --no-password \
        --wal-method stream --slot "$slot" --checkpoint fast
    touch "$PGDATA.new/standby.signal"
    rm -rf "$PGDATA"
    mv "$PGDATA.new" "$PGDATA"
fi

exec postgres -D "$PGDATA" -c "config_file=$config" \
    -c "primary_conninfo=host=$PRIMARY_HOST port=$port user=replicator passfile=$PGPASSFILE application_name=$slot" \
    -c "primary_slot_name=$slot" "$@"
