"""A workflow that makes one call."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy


@workflow.defn(name="Call")
class Call:
    """One call of a method."""

    @workflow.run
    async def run(
        self, method: str, inputs: dict[str, Any], attempts: int, pause: float = 0.01
    ) -> dict[str, Any]:
        result: dict[str, Any] = await workflow.execute_activity(
            f"servicenow.{method}",
            inputs,
            start_to_close_timeout=timedelta(seconds=20),
            heartbeat_timeout=timedelta(seconds=1),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=pause), maximum_attempts=attempts),
        )
        return result
