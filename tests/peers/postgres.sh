# Makes and runs a PostgreSQL in the folder $2, with the programs in $1, until standard input ends; then nothing is left.
# Says `ready` when it can be connected to through a socket in that folder, or why it cannot be.

programs=$1
folder=$2

# Whoever interrupts the tests ends them, and by that our standard input. We are still needed then, even if nobody is
# left to hear that we are ready.
trap '' HUP INT PIPE TERM

end() {
    "$programs/pg_ctl" stop --silent --pgdata="$folder/data" --mode=immediate >/dev/null 2>&1
    cd / && rm -rf "$folder"
}
trap end EXIT

fail() {
    printf '%s failed:\n' "$1"
    tail -n 20 "$folder/$1.log"
    exit 1
}

"$programs/initdb" --pgdata="$folder/data" --username=chronus --auth=trust --encoding=UTF8 --no-locale --no-sync \
    >"$folder/initdb.log" 2>&1 || fail initdb

# Its data need not survive anything. Every test has a pool of its own, and many tests run at once.
cat >>"$folder/data/postgresql.conf" <<SETTINGS
listen_addresses = ''
unix_socket_directories = '$folder'
max_connections = 500
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
SETTINGS

"$programs/pg_ctl" start --silent --wait --pgdata="$folder/data" --log="$folder/server.log" \
    >"$folder/pg_ctl.log" 2>&1 || fail server
echo ready
cat >/dev/null
