"""What workflows of one create cost: `python measure.py`. Prints one line of JSON."""

import asyncio
import json
from importlib.metadata import version
from statistics import median
from time import perf_counter
from uuid import uuid4

from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from servicenow import AsyncServiceNow, client_credentials
from servicenow_temporal import servicenow_activities
from tests.call import Call
from tests.conftest import COMPONENT, TEMPORAL, leave, started
from worker import TASK_QUEUE

CALLS = 50
AT_ONCE = 64


async def main() -> None:
    process, simulator = started()
    main = client_credentials(simulator.base_url, simulator.client_id, simulator.client_secret)
    inputs = {"authorization": "main", "instance": simulator.base_url, "request_body": {"urgency": "2"}}
    server = WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL), dev_server_log_level="never"
    )
    try:
        async with await server as environment:

            async def create() -> float:
                began = perf_counter()
                await environment.client.execute_workflow(
                    "Call", args=["create", inputs, 1], id=str(uuid4()), task_queue=TASK_QUEUE
                )
                return (perf_counter() - began) * 1000

            began = perf_counter()
            async with AsyncServiceNow(COMPONENT, {"main": main}) as node:
                activities = await servicenow_activities(node)
                async with Worker(
                    environment.client, task_queue=TASK_QUEUE, workflows=[Call], activities=activities
                ):
                    await create()
                    first_ms = (perf_counter() - began) * 1000
                    p50_us = median([await create() for _ in range(CALLS)]) * 1000
                    began = perf_counter()
                    await asyncio.gather(*(create() for _ in range(AT_ONCE)))
                    per_second = AT_ONCE / (perf_counter() - began)
    finally:
        process.terminate()
    measured = {"first_ms": first_ms, "p50_us": p50_us, "per_second": per_second}
    print(json.dumps({"version": version("temporalio"), **measured}))


if __name__ == "__main__":
    asyncio.run(main())
    leave(0)
