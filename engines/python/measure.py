"""What a call costs: `python measure.py ACCESS COMPONENT`, with what the simulator prints. Prints one line of JSON."""

import json
import sys
from importlib.metadata import version
from statistics import median
from time import perf_counter

from servicenow import ServiceNow, basic
from servicenow.outcomes import IncidentCreated

CALLS = 100

access = json.loads(sys.argv[1])
started = perf_counter()
node = ServiceNow(sys.argv[2], lambda _: basic(access["base_url"], access["username"], access["password"]))


def create() -> float:
    """Makes one create, and tells how many milliseconds it took."""
    began = perf_counter()
    outcome = node.create("main", access["base_url"], {"urgency": "2"})
    if not isinstance(outcome, IncidentCreated):
        raise SystemExit(f"a create ended in {outcome}")
    return (perf_counter() - began) * 1000


create()
first_ms = (perf_counter() - started) * 1000
print(
    json.dumps(
        {
            "version": version("wasmtime"),
            "first_ms": first_ms,
            "call_ms": median(create() for _ in range(CALLS)),
        }
    )
)
