#!/usr/bin/env bash
# Runs the activities and the workflow in Obelisk against the simulator.
#
#   run.sh sqlite      one server, executions in SQLite
#   run.sh postgres    two servers on one PostgreSQL, one of them killed in the middle of a workflow
#
# It takes obelisk 0.38.3 on the PATH or in $OBELISK, the program and dist/ of this repository
# (`cargo run -p host-test -- package`), curl, python3, and for postgres initdb and pg_ctl.
set -euo pipefail
cd "$(dirname "$0")"

mode="${1:?name what to run: sqlite or postgres}"
obelisk="${OBELISK:-obelisk}"
host_test="${HOST_TEST:-../../../target/debug/host-test}"
work="$(mktemp -d)"
processes=()

finish() {
    for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
    [ ! -d "$work/postgres" ] || as_postgres pg_ctl -D "$work/postgres" -m immediate stop >/dev/null 2>&1 || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# PostgreSQL does not run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

member() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

until_true() {
    for _ in $(seq 300); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    echo "this did not come true within 30 s: $*" >&2
    exit 1
}

fault() { curl --silent --fail --output /dev/null "$instance/simulator/faults" --data "$1"; }

# Starts a server with its API on this port.
serve() {
    local port="$1" config="$2"
    sed "1i api.listening_addr = \"127.0.0.1:$port\"" "$config" > "$work/server-$port.toml"
    "$obelisk" server run --server-config "$work/server-$port.toml" --deployment deployment.toml &
    processes+=($!)
    until_true "$obelisk" execution list --api-url "http://127.0.0.1:$port"
}

# Submits an execution, waits for its end, and prints how long that took and what it returned.
execute() {
    local name="$1" function="$2" parameters="$3" started
    started="$(date +%s%N)"
    local printed
    printed="$("$obelisk" execution submit --api-url "$api" --follow "$function" "$parameters" 2>&1)"
    echo "== $name, $(((($(date +%s%N) - started)) / 1000000)) ms"
    echo "$printed" | tail -n 12
    grep -q OK <<< "$printed" || { echo "$name did not succeed" >&2; exit 1; }
}

incidents() { curl --silent --user "$user" "$instance/api/now/table/incident?sysparm_query=correlation_id=$1&sysparm_fields=number,state"; }

count() { incidents "$1" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["result"]))'; }

"$host_test" simulator --ready-file "$work/simulator.json" >/dev/null &
processes+=($!)
until_true test -s "$work/simulator.json"
instance="$(member "$work/simulator.json" base_url)"
user="$(member "$work/simulator.json" username):$(member "$work/simulator.json" password)"
curl --silent --fail --output "$work/token.json" "$(member "$work/simulator.json" token_url)" \
    --data "grant_type=client_credentials&client_id=$(member "$work/simulator.json" client_id)&client_secret=$(member "$work/simulator.json" client_secret)"
SERVICENOW_MAIN_TOKEN="$(member "$work/token.json" access_token)"
export SERVICENOW_MAIN_TOKEN SERVICENOW_MAIN_INSTANCE="$instance"
