#!/usr/bin/env bash
# One server with its executions in SQLite: activities, a create that the engine repeats, a workflow.
source "$(dirname "$0")/common.sh"

key="obelisk-$$"
serve server-sqlite.toml

execute "create" "$activity.create" "[\"main\", \"$instance\", \"$key-1\", [[\"short_description\", \"By Obelisk\"]], 5000]"
sys_id="$(incidents "correlation_id=$key-1" sys_id)"
execute "get" "$activity.get" "[\"main\", \"$instance\", \"correlation_id\", \"$key-1\", 5000]"
execute "update" "$activity.update" "[\"main\", \"$instance\", \"$sys_id\", [[\"state\", \"2\"]], 5000]"
execute "get with a bearer token" "$activity.get" "[\"bearer\", \"$instance\", \"correlation_id\", \"$key-1\", 5000]"
execute "get with client credentials" "$activity.get" "[\"grant\", \"$instance\", \"correlation_id\", \"$key-1\", 5000]"

# The record is stored, the answer is a server error, and nothing can be read: whether it is there cannot be told. The engine repeats
# the create, which finds it.
before="$(arrived "POST /api/now/table/incident")"
fault '{"method":"POST","path":"/api/now/table/incident","effect":{"commit-then-status":{"status":500}}}'
fault '{"method":"GET","path":"/api/now/table/incident","times":3,"effect":{"status":{"status":503}}}'
execute "a create that is repeated" "$activity.create" "[\"main\", \"$instance\", \"$key-2\", [[\"urgency\", \"2\"]], 5000]"
sent="$(($(arrived "POST /api/now/table/incident") - before))"
made="$(incidents "correlation_id=$key-2" number | wc -l)"
echo "== it was sent $sent times and made $made incident"
[ "$sent" -gt 1 ] && [ "$made" = 1 ] || fail "it should have been sent more than once and have made one"

# An update in doubt is not repeated: a note would be appended twice.
before="$(arrived "PATCH /api/now/table/incident")"
fault '{"method":"PATCH","path":"/api/now/table/incident","effect":{"commit-then-status":{"status":500}}}'
fault '{"method":"GET","path":"/api/now/table/incident","times":9,"effect":{"status":{"status":503}}}'
doubtful="$("$obelisk" execution submit --api-url "$api" --follow "$activity.update" "[\"main\", \"$instance\", \"$sys_id\", [[\"work_notes\", \"once\"]], 5000]" 2>&1)" || true
curl --silent --show-error --fail --output /dev/null --request DELETE "$instance/simulator/faults"
sent="$(($(arrived "PATCH /api/now/table/incident") - before))"
echo "== an update in doubt was sent $sent time"
[[ "$doubtful" == *permanent_in_doubt* ]] && [ "$sent" = 1 ] || fail "it should end in permanent_in_doubt: $doubtful"

execute "a workflow" "$workflow.report-and-resolve" "[\"main\", \"$instance\", \"$key-3\", \"Disk is full\"]"
ended="$(incidents "correlation_id=$key-3" number,state,close_code)"
echo "== its incident: $ended"
[[ "$ended" == *" 6 Solution provided" ]] || fail "it should be resolved"
before="$(arrived "PATCH /api/now/table/incident")"
execute "the same workflow again" "$workflow.report-and-resolve" "[\"main\", \"$instance\", \"$key-3\", \"Disk is full\"]"
[ "$(arrived "PATCH /api/now/table/incident")" = "$before" ] || fail "it should leave a resolved incident as it is"
