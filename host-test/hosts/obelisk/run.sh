#!/usr/bin/env bash
# Runs the activities in Obelisk against the simulator: one server, executions in SQLite.
#
# It takes obelisk 0.38.3 on the PATH or in $OBELISK, the program and dist/ of this repository
# (`cargo run -p host-test -- package`), curl and python3.
set -euo pipefail
cd "$(dirname "$0")"

obelisk="${OBELISK:-obelisk}"
host_test="${HOST_TEST:-../../../target/debug/host-test}"
work="$(mktemp -d)"
processes=()

finish() {
    for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

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

key="obelisk-$$"
sed "s|OBELISK_DATA|$work/sqlite|" server.toml > "$work/server.toml"
port="$(free_port)"
serve "$port" "$work/server.toml"
api="http://127.0.0.1:$port"
activity="servicenow:obelisk/incidents@0.1.0"

execute "create" "$activity.create" "[\"main\", \"$instance\", \"$key-1\", [[\"short_description\", \"By Obelisk\"]], 5000]"
sys_id="$(curl --silent --user "$user" "$instance/api/now/table/incident?sysparm_query=correlation_id=$key-1" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["result"][0]["sys_id"])')"
execute "get" "$activity.get" "[\"main\", \"$instance\", \"correlation_id\", \"$key-1\", 5000]"
execute "update" "$activity.update" "[\"main\", \"$instance\", \"$sys_id\", [[\"state\", \"2\"]], 5000]"

# The record is stored, the answer is a server error, and nothing can be read: whether it is there cannot be told. The engine repeats
# the create, which finds it.
fault '{"method":"POST","path":"/api/now/table/incident","effect":{"commit-then-status":{"status":500}}}'
fault '{"method":"GET","path":"/api/now/table/incident","times":3,"effect":{"status":{"status":503}}}'
execute "a create that is repeated" "$activity.create" "[\"main\", \"$instance\", \"$key-2\", [[\"urgency\", \"2\"]], 5000]"
posts="$(curl --silent "$instance/simulator/requests" | grep -c '"POST /api/now/table/incident')" || true
[ "$(count "$key-2")" = 1 ] || { echo "the repeated create made $(count "$key-2") incidents" >&2; exit 1; }
echo "== the repeated create was sent $((posts - 1)) times and made one incident"
