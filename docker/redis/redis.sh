#!/bin/sh
# Starts Redis with the password in the file REDIS_PASSWORD_FILE. The configuration goes through standard input, so that
# the password is seen neither in a list of processes nor on a disk.
set -eu

: "${REDIS_PASSWORD_FILE:?}"

# Quoted as redis.conf wants it.
password="$(sed 's/[\\"]/\\&/g' "$REDIS_PASSWORD_FILE")"

exec redis-server - <<SETTINGS
bind ${REDIS_BIND:-* -::*}
port ${REDIS_PORT:-6379}
protected-mode yes
requirepass "$password"
dir ${REDIS_DIRECTORY:-/data}
# Messages, and uses of one-time sessions, outlive a restart.
appendonly yes
appendfsync everysec
save ""
# A server that is full refuses what is new; it must not forget what is old.
maxmemory-policy noeviction
SETTINGS
