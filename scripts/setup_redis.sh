#!/bin/sh
# Installs Redis for one-time sessions and configures it: on this machine only, with a password, uses kept on disk.
#
#   scripts/setup_redis.sh [--env-file FILE] [--config-dir DIR] [--no-install] [--no-start]
#
#   --env-file FILE    where REDIS_HOST, REDIS_PORT, REDIS_DB and REDIS_PASSWORD go, mode 600; .env by default
#   --config-dir DIR   where redis.conf is; found by itself where the distribution keeps it in its usual place
#   --no-install       configure the Redis that is there
#   --no-start         leave the server as it is: start or restart it yourself
#
# Debian, Ubuntu, Fedora, RHEL and its kin, openSUSE, Arch, Alpine and macOS. May be run again at any time: it keeps the
# password, and changes nothing that is as it should be. Needs root, except on macOS. The password is never printed.
set -eu
umask 077

env_file=".env"
config_dir=""
install=yes
start=yes

say() {
    echo "setup_redis: $*"
}

fail() {
    say "$*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case "$1" in
    --env-file | --config-dir)
        [ $# -ge 2 ] || fail "$1 needs a value"
        if [ "$1" = --env-file ]; then env_file="$2"; else config_dir="$2"; fi
        shift
        ;;
    --no-install) install=no ;;
    --no-start) start=no ;;
    -h | --help)
        sed -n '2,13s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *) fail "unknown option $1; see --help" ;;
    esac
    shift
done

# The words of os-release: what this is, and what it is like.
distribution() {
    if [ "$(uname -s)" = Darwin ]; then
        echo macos
        return
    fi
    [ -r /etc/os-release ] || return 0
    # shellcheck disable=SC1091  # a file of the machine this runs on
    (. /etc/os-release && echo "${ID:-} ${ID_LIKE:-}")
}

install_redis() {
    if command -v redis-server >/dev/null 2>&1; then
        say "redis-server is installed"
        return
    fi
    for word in $(distribution); do
        case "$word" in
        macos)
            brew install redis
            return
            ;;
        debian | ubuntu)
            apt-get update -q
            DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends redis-server
            return
            ;;
        fedora | rhel | centos | rocky | almalinux | amzn)
            manager=yum
            ! command -v dnf >/dev/null 2>&1 || manager=dnf
            "$manager" install -y redis
            return
            ;;
        suse | opensuse*)
            zypper --non-interactive install redis
            return
            ;;
        arch)
            pacman -S --noconfirm --needed redis
            return
            ;;
        alpine)
            apk add redis
            return
            ;;
        esac
    done
    fail "this distribution is not known; install Redis 6.2 or later, and run this again with --no-install"
}

find_config_dir() {
    for directory in "$config_dir" /etc/redis /etc /opt/homebrew/etc /usr/local/etc; do
        if [ -n "$directory" ] && [ -f "$directory/redis.conf" ]; then
            echo "$directory"
            return
        fi
    done
    fail "there is no redis.conf; name its directory with --config-dir"
}

# Writes standard input to $1 unless it says so already; says whether it wrote.
write_if_other() {
    new="$1.new"
    cat >"$new"
    if [ -f "$1" ] && cmp -s "$new" "$1"; then
        rm -f "$new"
        return 1
    fi
    mv "$new" "$1"
}

settings() {
    cat <<SETTINGS
# Written by scripts/setup_redis.sh; what stands here goes before what stands above the line that includes it.
bind 127.0.0.1 -::1
protected-mode yes
requirepass $1
# A use that was answered survives a killed server.
appendonly yes
appendfsync everysec
# A server that is full refuses new sessions; it must not forget that old ones were used.
maxmemory-policy noeviction
SETTINGS
}

environment() {
    if [ -f "$env_file" ]; then
        grep -v '^REDIS_\(HOST\|PORT\|DB\|PASSWORD\)=' "$env_file" || true
    fi
    printf 'REDIS_HOST=127.0.0.1\nREDIS_PORT=%s\nREDIS_DB=0\nREDIS_PASSWORD=%s\n' "$2" "$1"
}

# The last value that is set in the configuration.
configured() {
    sed -n "s/^[[:space:]]*$1[[:space:]]\{1,\}//p" "$2" | tail -n 1
}

restart() {
    if [ "$(distribution)" = macos ]; then
        brew services restart redis
    elif [ -d /run/systemd/system ]; then
        for unit in redis-server redis; do
            if systemctl cat "$unit" >/dev/null 2>&1; then
                systemctl enable --quiet "$unit"
                systemctl restart "$unit"
                return
            fi
        done
        fail "there is no unit redis-server or redis; start the server yourself"
    elif command -v rc-service >/dev/null 2>&1; then
        rc-update add redis default
        rc-service redis restart
    else
        service redis-server restart
    fi
}

# By the environment and never by an argument: arguments are seen by everybody on the machine.
answers() {
    REDISCLI_AUTH="$1" redis-cli -h 127.0.0.1 -p "$2" PING 2>/dev/null | grep -q PONG
}

verify() {
    tries=0
    until answers "$1" "$2"; do
        tries=$((tries + 1))
        [ "$tries" -lt 50 ] || fail "the server does not answer on 127.0.0.1:$2; look into its log"
        sleep 0.2
    done
    ! answers "" "$2" || fail "the server answers without a password; look into its configuration"
    say "the server answers on 127.0.0.1:$2, and to nobody without the password"
}

[ "$install" = no ] || install_redis
directory="$(find_config_dir)"
main="$directory/redis.conf"
own="$directory/strongroom-redis.conf"
changed=no

password=""
[ ! -f "$own" ] || password="$(configured requirepass "$own")"
[ -n "$password" ] || password="$(head -c 32 /dev/urandom | base64 | tr -d '=+/\n')"
port="$(configured port "$main")"

if settings "$password" | write_if_other "$own"; then changed=yes; fi
# The server reads it as a user of its own, in whose group the main file is.
owner="$(stat -c %u:%g "$main" 2>/dev/null || stat -f %u:%g "$main")"
chown "$owner" "$own"
chmod 640 "$own"
if ! grep -qxF "include $own" "$main"; then
    printf '\ninclude %s\n' "$own" >>"$main"
    changed=yes
fi
if environment "$password" "${port:-6379}" | write_if_other "$env_file"; then changed=yes; fi
chmod 600 "$env_file"
say "the configuration is in $own, and what the API needs in $env_file"

if [ "$start" = no ]; then
    say "the server was not started or restarted"
elif [ "$changed" = yes ] || ! answers "$password" "${port:-6379}"; then
    restart
    verify "$password" "${port:-6379}"
else
    say "the server runs as it should"
fi
