"""A worker: `python worker.py`, with the instance and its credential in the environment."""

import asyncio
import os
import sys

from temporalio.client import Client
from temporalio.worker import Worker

from incident import IncidentWorkflow
from servicenow import AsyncServiceNow, client_credentials
from servicenow_temporal import servicenow_activities

TASK_QUEUE = "servicenow"


def setting(name: str, meaning: str, default: str | None = None) -> str:
    """A variable of the environment."""
    value = os.environ.get(name, default)
    if not value:
        sys.exit(f"{name} is not set: give {meaning}")
    return value


async def main() -> None:
    component = setting("SERVICENOW_COMPONENT", "the path of servicenow-over-transport.wasm")
    authorization = client_credentials(
        setting("SERVICENOW_ORIGIN", "the instance's origin, such as https://dev12345.service-now.com"),
        setting("SERVICENOW_CLIENT_ID", "the id of an OAuth client of the instance"),
        setting("SERVICENOW_CLIENT_SECRET", "the secret of that client"),
    )
    address = setting("TEMPORAL_ADDRESS", "the address of Temporal's server", "127.0.0.1:7233")
    async with AsyncServiceNow(component, {"main": authorization}) as node:
        client = await Client.connect(address)
        worker = Worker(
            client,
            task_queue=TASK_QUEUE,
            workflows=[IncidentWorkflow],
            activities=await servicenow_activities(node),
        )
        print("ready", flush=True)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main())
