"""What calls of an agent cost, over standard input and output: `python measure.py`. Prints one line of JSON."""

import asyncio
import json
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import uuid4

from mcp import Client, StdioServerParameters

from conftest import HOST_TEST, simulated

CALLS = 100
AT_ONCE = 64


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, simulated(Path(folder)) as simulator:
        began = perf_counter()
        server = StdioServerParameters(command=HOST_TEST, args=simulator.server())
        async with Client(server, mode="auto") as client:

            async def create() -> float:
                began = perf_counter()
                arguments = {"request_body": {"urgency": "2"}, "correlation_id": str(uuid4())}
                result = await client.call_tool("create_incident", arguments)
                assert not result.is_error, result
                return (perf_counter() - began) * 1000

            await create()
            first_ms = (perf_counter() - began) * 1000
            p50_us = median([await create() for _ in range(CALLS)]) * 1000
            began = perf_counter()
            await asyncio.gather(*(create() for _ in range(AT_ONCE)))
            per_second = AT_ONCE / (perf_counter() - began)
            measured = {"first_ms": first_ms, "p50_us": p50_us, "per_second": per_second}
            print(json.dumps({"version": client.protocol_version, **measured}))


if __name__ == "__main__":
    asyncio.run(main())
