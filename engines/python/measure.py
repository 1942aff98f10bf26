"""What calls cost: `python measure.py ACCESS COMPONENT`, with what the simulator prints. Prints one line of JSON."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from statistics import median
from time import perf_counter

from servicenow import ServiceNow, basic
from servicenow.outcomes import IncidentCreated

CALLS = 200
AT_ONCE = 64

access = json.loads(sys.argv[1])
main = basic(access["base_url"], access["username"], access["password"])
started = perf_counter()
node = ServiceNow(sys.argv[2], {"main": main})


def create(_: int = 0) -> float:
    """Makes one create, and tells how many milliseconds it took."""
    began = perf_counter()
    outcome = node.create("main", access["base_url"], {"urgency": "2"}, timeout_ms=60_000)
    if not isinstance(outcome, IncidentCreated):
        raise SystemExit(f"a create ended in {outcome}")
    return (perf_counter() - began) * 1000


create()
first_ms = (perf_counter() - started) * 1000
p50_us = median(create() for _ in range(CALLS)) * 1000
with ThreadPoolExecutor(AT_ONCE) as threads:
    list(threads.map(create, range(AT_ONCE)))
    began = perf_counter()
    list(threads.map(create, range(5 * CALLS)))
    per_second = 5 * CALLS / (perf_counter() - began)
measured = {"first_ms": first_ms, "p50_us": p50_us, "per_second": per_second}
print(json.dumps({"version": version("wasmtime"), **measured}))
