# What the runs of this folder share: the simulator, servers, executions. Sourced.
#
# They take obelisk 0.38.3 on the PATH or in $OBELISK, this repository's program and dist/ (`cargo run -p host-test -- package`),
# curl and python3.
set -euo pipefail

# Before the change of folder: either may be a path from where the caller is.
given() { case "$1" in */*) realpath -m "$1" ;; *) echo "$1" ;; esac }
obelisk="$(given "${OBELISK:-obelisk}")"
host_test="${HOST_TEST:+$(given "$HOST_TEST")}"
cd "$(dirname "${BASH_SOURCE[0]}")"
repository="$(realpath ../..)"
host_test="${host_test:-$repository/target/debug/host-test}"
activity="servicenow:obelisk/incidents@0.1.0"
workflow="servicenow:flow/alerts@0.1.0"
at_end=()

finish() {
    # The last first: servers before their database.
    for ((at = ${#at_end[@]} - 1; at >= 0; at--)); do eval "${at_end[at]}" >/dev/null 2>&1 || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}

fail() {
    echo "$*" >&2
    exit 1
}

# PostgreSQL's socket will be in it, and its options are one text.
temporary="${TMPDIR:-/tmp}"
[ "${#temporary}" -lt 60 ] && [[ "$temporary" != *[[:space:]]* ]] || fail "set TMPDIR to a short path without blanks; it is $temporary"
work="$(mktemp -d)"
trap finish EXIT

"$obelisk" --version 2>/dev/null | grep -qF 0.38.3 || fail "there is no obelisk 0.38.3 on the PATH or in \$OBELISK: see README.md for its installation"
for file in "$host_test" "$repository/dist/servicenow-obelisk.wasm"; do
    [ -e "$file" ] || fail "there is no $file: run \`cargo run -p host-test -- package\` first"
done

# A member of a JSON object in a file.
member() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# What ended and cannot be waited for any more is told at once.
server=""
until_true() {
    local until=$((SECONDS + 60))
    until "$@" >/dev/null 2>&1; do
        [ -z "$server" ] || kill -0 "$server" 2>/dev/null || fail "the server ended; its words are above"
        [ "$SECONDS" -lt "$until" ] || fail "this did not come true within 60 s: $*"
        sleep 0.1
    done
}

# Compiles the workflow. Obelisk makes a component of a core module by itself.
rustup target add wasm32-unknown-unknown >/dev/null 2>&1 || true
cargo build --quiet --locked --lib --package servicenow-obelisk-workflow --target wasm32-unknown-unknown --profile guest \
    --target-dir "$repository/target"

"$host_test" simulator --ready-file "$work/simulator.json" >/dev/null &
at_end+=("kill $!")
until_true test -s "$work/simulator.json"
instance="$(member "$work/simulator.json" base_url)"
user="$(member "$work/simulator.json" username):$(member "$work/simulator.json" password)"
client_id="$(member "$work/simulator.json" client_id)"
client_secret="$(member "$work/simulator.json" client_secret)"
curl --silent --show-error --fail --output "$work/token.json" "$(member "$work/simulator.json" token_url)" \
    --data "grant_type=client_credentials&client_id=$client_id&client_secret=$client_secret"
SERVICENOW_MAIN_API_KEY="$(member "$work/simulator.json" api_key)"
SERVICENOW_BEARER_TOKEN="$(member "$work/token.json" access_token)"
export SERVICENOW_MAIN_INSTANCE="$instance" SERVICENOW_BEARER_INSTANCE="$instance" SERVICENOW_GRANT_INSTANCE="$instance"
export SERVICENOW_MAIN_API_KEY SERVICENOW_BEARER_TOKEN
export SERVICENOW_GRANT_CLIENT_ID="$client_id" SERVICENOW_GRANT_CLIENT_SECRET="$client_secret"

fault() { curl --silent --show-error --fail --output /dev/null "$instance/simulator/faults" --data "$1"; }

# How often a request that begins like this has arrived.
arrived() { curl --silent "$instance/simulator/requests" | grep -c "\"$1" || true; }

# What the instance has, as lines of an incident's columns.
incidents() {
    curl --silent --user "$user" "$instance/api/now/table/incident?sysparm_query=$1&sysparm_fields=$2" |
        python3 -c 'import json, sys; [print(*row.values()) for row in json.load(sys.stdin)["result"]]'
}

# Starts a server with these settings, and sets `api` to its address and `server` to its process.
serve() {
    local port
    port="$(free_port)"
    mkdir -p "$work/$port"
    sed "s|127.0.0.1:5005|127.0.0.1:$port|" "$1" > "$work/$port/server.toml"
    # What it compiled stays in this run's folder.
    printf '[wasm]\ncache_directory = "%s"\n[wasm.codegen_cache]\ndirectory = "%s"\n' "$work/wasm" "$work/codegen" >> "$work/$port/server.toml"
    "$obelisk" server run --server-config "$work/$port/server.toml" --deployment deployment.toml &
    server=$!
    at_end+=("kill $server; wait $server")
    api="http://127.0.0.1:$port"
    until_true "$obelisk" execution list --api-url "$api"
}

# Submits an execution, waits for its end, and prints what it returned and how long that took within the engine.
execute() {
    local name="$1" function="$2" parameters="$3" printed
    printed="$("$obelisk" execution submit --api-url "$api" --follow "$function" "$parameters" 2>&1)" || true
    echo "== $name"
    sed -n 's/^Execution \(finished\|took\)/   \1/p' <<< "$printed" | cut -c 1-160
    grep -q '^Execution finished: OK' <<< "$printed" || fail "$name did not succeed: $printed"
}
