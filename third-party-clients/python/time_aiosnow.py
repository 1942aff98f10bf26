"""Times creates by aiosnow: one line of JSON, as `bench --peers` reads it."""

import asyncio
import json
import statistics
import sys
import time
from urllib.parse import urlparse

import aiosnow
from aiosnow.models.table.declared import IncidentModel

CALLS = 1000
AT_ONCE = 64


async def main(host):
    client = aiosnow.Client(host, basic_auth=("flow.integration", "x"), use_ssl=False)
    async with IncidentModel(client, table_name="incident") as incidents:

        async def create():
            answer = await incidents.create({"short_description": "Printer on fire", "correlation_id": "bench"})
            assert answer["number"], "no record"

        async def timed():
            started = time.perf_counter()
            await create()
            return (time.perf_counter() - started) * 1e6

        async def at_once(calls):
            begun = iter(range(calls))

            async def one():
                for _ in begun:
                    await create()

            await asyncio.gather(*(one() for _ in range(AT_ONCE)))

        for _ in range(100):
            await create()
        p50_us = statistics.median([await timed() for _ in range(CALLS)])
        await at_once(AT_ONCE)
        started = time.perf_counter()
        await at_once(5 * CALLS)
        return {"p50_us": p50_us, "per_second": 5 * CALLS / (time.perf_counter() - started)}


print(json.dumps(asyncio.run(main(urlparse(sys.argv[1]).netloc))))
