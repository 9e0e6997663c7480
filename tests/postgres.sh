#!/usr/bin/env bash
# Runs the web's unit tests on a PostgreSQL cluster of their own: a temporary folder, a local socket, no TCP port.
# Arguments go to pytest; without any it is tests/unit/web. The server refuses to run as root, so root hands it to the user `postgres` that Debian's package makes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin="$(dirname "$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)")"
[ -x "$bin/initdb" ] || { echo "postgres.sh: PostgreSQL's server programs are missing; install the package postgresql." >&2; exit 2; }
folder="$(mktemp -d)"
as=()
if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder"
    as=(setpriv --reuid=postgres --regid=postgres --init-groups env HOME="$folder")
fi
chmod 711 "$folder"

"${as[@]}" "$bin/initdb" -D "$folder/data" -U farhand -A trust -E UTF8 --locale=C.UTF-8 >"$folder.log" 2>&1 || { cat "$folder.log" >&2; exit 2; }
"${as[@]}" "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c max_connections=300 >>"$folder.log" 2>&1 &
server=$!
stop() {
    kill -INT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    rm -rf "$folder" "$folder.log"
}
trap stop EXIT
for _ in $(seq 100); do
    .venv/bin/python -c 'import psycopg, sys; psycopg.connect(sys.argv[1])' "host=$folder user=farhand dbname=postgres" 2>/dev/null && break
    sleep 0.1
done
chmod 711 "$folder"

export FARHAND_DATABASE_URL="postgresql://farhand@/postgres?host=$folder"
# Previews, videos and transcripts take long and are the same on every database.
[ $# -gt 0 ] || set -- tests/unit/web --ignore=tests/unit/web/reports/test_export.py
.venv/bin/python -m pytest -n 2 "$@"
