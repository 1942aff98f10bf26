"""Times creates by pysnow: one line of JSON, as `bench --peers` reads it."""

import json
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlparse

import pysnow

CALLS = 1000
AT_ONCE = 64

host = urlparse(sys.argv[1]).netloc
# A client of its own for each thread: the session below is not made for several.
local = threading.local()


def create(_=0):
    if not hasattr(local, "incidents"):
        client = pysnow.Client(host=host, user="flow.integration", password="x", use_ssl=False)
        local.incidents = client.resource(api_path="/table/incident")
    answer = local.incidents.create(payload={"short_description": "Printer on fire", "correlation_id": "bench"})
    assert answer.one()["number"], "no record"


def timed():
    started = time.perf_counter()
    create()
    return (time.perf_counter() - started) * 1e6


for _ in range(100):
    create()
p50_us = statistics.median(timed() for _ in range(CALLS))
with ThreadPoolExecutor(AT_ONCE) as threads:
    list(threads.map(create, range(AT_ONCE)))
    started = time.perf_counter()
    list(threads.map(create, range(CALLS)))
    per_second = CALLS / (time.perf_counter() - started)
print(json.dumps({"p50_us": p50_us, "per_second": per_second}))
