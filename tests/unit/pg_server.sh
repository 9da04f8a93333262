#!/bin/sh
# pg_server.sh — a throw-away PostgreSQL server for tests.
#
#   pg_server.sh start DIR [PID]   starts a server in DIR and prints the URL of its database
#   pg_server.sh stop DIR          stops it and removes DIR
#
# It listens on a Unix socket in DIR only, and does not care for durability. Text sorts as English
# does, so that a column that should sort by bytes and does not is noticed. Started by root, it
# runs as the user `postgres`, who must be able to reach DIR. With PID, it stops when that process
# ends, however it ends.
set -eu

fail() {
    echo "pg_server.sh: $*" >&2
    exit 1
}

[ $# -ge 2 ] || fail "usage: pg_server.sh start DIR [PID] | stop DIR"
action=$1
dir=$2

bin=
for candidate in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin; do
    [ -x "$candidate/initdb" ] && bin=$candidate # the last one is the newest
done
[ -n "$bin" ] || fail "PostgreSQL's server is not installed"

# The server refuses to run as root.
run() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid=postgres --init-groups "$@"
    else
        "$@"
    fi
}

start() {
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    [ ${#dir} -lt 80 ] || fail "$dir is too long for the path of a socket"
    [ "$(id -u)" != 0 ] || chown postgres:postgres "$dir"
    cd "$dir"
    run "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-sync \
        --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US \
        >"$dir/initdb.log" 2>&1 || {
        cat "$dir/initdb.log" >&2
        fail "initdb failed"
    }
    cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 64MB
CONF
    run "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/log" -w -t 60 start >/dev/null 2>&1 || {
        cat "$dir/data/log" >&2
        fail "the server did not start"
    }
    if [ $# -ge 1 ]; then
        # In a session of its own, so that what ends the test's process group does not end it.
        setsid sh -c 'tail --pid="$1" -f /dev/null; exec "$2" stop "$3"' sh \
            "$1" "$self" "$dir" >/dev/null 2>&1 </dev/null &
    fi
    echo "postgresql://postgres@/postgres?host=$dir"
}

stop() {
    [ -d "$dir/data" ] || exit 0
    run "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
    rm -rf "$dir"
}

self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
case $action in
start)
    shift 2
    start "$@"
    ;;
stop) stop ;;
*) fail "unknown action $action" ;;
esac
