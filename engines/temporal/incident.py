"""A workflow: an incident that is opened, changed and told of."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy


@dataclass(frozen=True)
class Alert:
    """What the workflow begins with."""

    instance: str
    summary: str
    note: str


@workflow.defn(name="Incident")
class IncidentWorkflow:
    """Opens an incident for an alert, makes it urgent, and notes what the alert said."""

    @workflow.run
    async def run(self, alert: Alert) -> dict[str, Any]:
        made = await self._call(alert, "create", request_body={"short_description": alert.summary})
        urgent = await self._call(
            alert, "update", sys_id=made["sys_id"], request_body={"urgency": "1", "impact": "1"}
        )
        noted = await self._call(
            alert, "update", sys_id=made["sys_id"], request_body={"work_notes": alert.note}
        )
        return {
            "number": made["number"],
            "made": made["made"],
            "updated": urgent["made"],
            "notes": noted["notes"],
        }

    async def _call(self, alert: Alert, method: str, **inputs: Any) -> dict[str, Any]:
        result: dict[str, Any] = await workflow.execute_activity(
            f"servicenow.{method}",
            {"authorization": "main", "instance": alert.instance, **inputs},
            start_to_close_timeout=timedelta(seconds=30),
            # A worker that died is missed after so long.
            heartbeat_timeout=timedelta(seconds=2),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=500), backoff_coefficient=1.5),
        )
        return result
