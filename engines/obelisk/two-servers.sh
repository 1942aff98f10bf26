#!/usr/bin/env bash
# Two servers with their executions in one PostgreSQL. One of them is killed while it holds activities; the other brings every
# workflow to its end.
#
# It takes PostgreSQL's server programs too (Debian's package `postgresql`) and starts a database of its own.
source "$(dirname "$0")/common.sh"

workflows=40

PATH="$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"
command -v initdb >/dev/null || fail "there is no initdb: install PostgreSQL's server (Debian's package postgresql)"
# PostgreSQL refuses to be run by root.
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
mkdir -p "$work/postgres"
if [ "$(id -u)" = 0 ]; then
    chmod a+x "$work"
    chown postgres "$work/postgres"
fi
as_postgres initdb --auth trust --username obelisk --pgdata "$work/postgres/data" >/dev/null
# By a socket in a folder of its own, so that no port can be taken.
at_end+=("as_postgres pg_ctl --pgdata $work/postgres/data --mode immediate stop")
as_postgres pg_ctl --pgdata "$work/postgres/data" --options "-k $work/postgres -c listen_addresses=''" --log "$work/postgres/log" --wait start >/dev/null ||
    fail "PostgreSQL did not start: $(cat "$work/postgres/log")"
export POSTGRES_HOST="$work/postgres" POSTGRES_USER=obelisk POSTGRES_PASSWORD=unused
ask() { psql --host "$work/postgres" --username obelisk --dbname obelisk --tuples-only --no-align --command "$1"; }

serve server-postgres.toml
first_api="$api" first="$server"
serve server-postgres.toml
second_api="$api"
echo "== two servers, process $first and process $server"

# Whatever is asked is done at once and answered a second later: what is in flight when the server dies was written.
fault '{"times":100000,"effect":{"commit-then-delay":{"ms":1000}}}'
key="flow-$$"
submit() {
    local number api submitting=()
    for number in $(seq "$1" "$2"); do
        if [ $((number % 2)) = 0 ]; then api="$first_api"; else api="$second_api"; fi
        "$obelisk" execution submit --api-url "$api" "$workflow.report-and-resolve" \
            "[\"main\", \"$instance\", \"$key-$number\", \"Alert $number\"]" >/dev/null &
        submitting+=($!)
    done
    for process in "${submitting[@]}"; do wait "$process" || fail "an execution could not be submitted"; done
}
# How many workflows (true) or activities (false) have come to their end.
finished() { ask "select count(*) from t_state where is_top_level = $1 and state = 'finished'"; }
has_finished() { [ "$(finished "$1")" -ge "$2" ]; }
# How many activities of a kind the first server is at. Its deployment is the older one.
held() {
    ask "select count(*) from t_state join t_execution_log using (execution_id)
        where ffqn like '%.$1' and state = 'locked' and version = last_lock_version and json_value -> 'locked' ->> 'deployment_id' =
            (select deployment_id from t_deployment order by created_at limit 1)"
}
holds_some_of_each() { [ "$(held create)" -gt 0 ] && [ "$(held update)" -gt 0 ]; }

# The second half comes when the first has its incidents, so that both kinds of activities are in flight.
submit 1 $((workflows / 2))
until_true has_finished false $((workflows / 2))
submit $((workflows / 2 + 1)) "$workflows"
until_true holds_some_of_each
{ kill -9 "$first" && wait "$first"; } 2>/dev/null || true
killed_at="$(date +%s%N)"
echo "== $(finished false) activities had finished when the first server was killed"
until_true has_finished true "$workflows"
echo "== all had $(((($(date +%s%N) - killed_at)) / 1000000)) ms later"

succeeded="$(ask "select count(*) from t_state where is_top_level and result_kind = '\"ok\"'")"
# What a server held that is gone is found by its lock, which nobody extends.
lost() { ask "select count(*) from t_execution_log join t_state using (execution_id) where variant = 'temporarily_timed_out' and ffqn like '%.$1'"; }
made="$(incidents "correlation_idSTARTSWITH$key-&sysparm_limit=1000" correlation_id | sort -u | wc -l)"
all="$(incidents "correlation_idSTARTSWITH$key-&sysparm_limit=1000" state | wc -l)"
resolved="$(incidents "correlation_idSTARTSWITH$key-^state=6&sysparm_limit=1000" state | wc -l)"
# A create that was repeated says that it found its incident.
found="$(ask "select count(*) from t_execution_log where variant = 'finished' and json_value #>> '{finished,retval,ok,value,made}' = 'found'")"
echo "== $(lost create) creates and $(lost update) updates were lost with the server and repeated; $found creates found their incident"
echo "== $succeeded workflows succeeded: $all incidents of $made alerts, $resolved resolved"
[ "$succeeded $all $made $resolved" = "$workflows $workflows $workflows $workflows" ] || fail "each should be $workflows"
[ "$found" = "$(lost create)" ] || fail "each create that was repeated should have found its incident"
[ "$found" -gt 0 ] || fail "no create was lost with the server, so this shows little: run it again"

# The other credentials were not used yet.
curl --silent --show-error --fail --output /dev/null --request DELETE "$instance/simulator/faults"
for authorization in bearer grant; do
    execute "get with the authorization $authorization" "$activity.get" "[\"$authorization\", \"$instance\", \"correlation_id\", \"$key-1\", 5000]"
done
pg_dump --host "$work/postgres" --username obelisk obelisk > "$work/dump.sql"
for secret in "$SERVICENOW_MAIN_API_KEY" "$SERVICENOW_BEARER_TOKEN" "$SERVICENOW_GRANT_CLIENT_SECRET"; do
    ! grep -q "$secret" "$work/dump.sql" || fail "a secret is in the database"
done
grep -q "$key-1" "$work/dump.sql" || fail "the dump of the database lacks what is surely in it"
echo "== no secret is in the database"
