"""Times creates by pysnow. The median of 1,000 in microseconds goes to standard output."""

import statistics
import sys
import time
from urllib.parse import urlparse

import pysnow

host = urlparse(sys.argv[1]).netloc
client = pysnow.Client(host=host, user="flow.integration", password="x", use_ssl=False)
incidents = client.resource(api_path="/table/incident")


def create():
    answer = incidents.create(payload={"short_description": "Printer on fire", "correlation_id": "bench"})
    assert answer.one()["number"], "no record"


def timed():
    started = time.perf_counter()
    create()
    return (time.perf_counter() - started) * 1e6


for _ in range(100):
    create()
print(statistics.median(timed() for _ in range(1000)))
