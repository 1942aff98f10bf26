#!/bin/sh
# Creates an incident and reads it back, by curl:
#   SIDECAR_URL=http://127.0.0.1:8080 SIDECAR_TOKEN=... INSTANCE=dev12345 sh create.sh
set -eu

post() {
    # The token is read from standard input, so that it stands in no list of processes.
    echo "Authorization: Bearer $SIDECAR_TOKEN" |
        curl --silent --show-error --fail-with-body "$SIDECAR_URL/v1/$1" \
            --header @- --header "Content-Type: application/json" --data "$2"
    echo
}

post create "{
    \"authorization\": \"main\", \"instance\": \"$INSTANCE\", \"correlation_id\": \"curl-4711\",
    \"request_body\": {\"case\": \"fields\", \"value\": [[\"short_description\", \"Printer on fire\"]]}
}"
post get "{\"authorization\": \"main\", \"instance\": \"$INSTANCE\", \"kind\": \"correlation_id\", \"value\": \"curl-4711\"}"
