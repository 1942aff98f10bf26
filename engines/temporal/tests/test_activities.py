"""The activities in a worker, with Temporal's development server and a simulator."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetActivityRequest
from temporalio.client import ActivityFailureError, Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError
from temporalio.worker import Worker

from servicenow import AsyncServiceNow, client_credentials
from servicenow_temporal import servicenow_activities

from .call import Call
from .conftest import COMPONENT, HERE, Simulator

TASK_QUEUE = "tests"
WRITES = "/api/now/table/"
SCENARIOS: list[dict[str, Any]] = json.loads((HERE.parents[1] / "scenarios.json").read_text())


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def worker(client: Client, simulator: Simulator) -> AsyncIterator[None]:
    main = client_credentials(simulator.base_url, simulator.client_id, simulator.client_secret)
    async with AsyncServiceNow(COMPONENT, {"main": main}) as node:
        activities = await servicenow_activities(node)
        async with Worker(client, task_queue=TASK_QUEUE, workflows=[Call], activities=activities):
            yield


class Caller:
    """Calls methods through workflows."""

    def __init__(self, client: Client, simulator: Simulator) -> None:
        self.client = client
        self.known = {"authorization": "main", "instance": simulator.base_url}

    async def start(
        self, method: str, *, attempts: int = 1, pause: float = 0.01, key: str | None = None, **inputs: Any
    ) -> WorkflowHandle[Any, Any]:
        """A workflow that calls a method."""
        return await self.client.start_workflow(
            "Call",
            args=[method, {**self.known, **inputs}, attempts, pause],
            id=key or str(uuid4()),
            task_queue=TASK_QUEUE,
        )

    async def call(self, method: str, *, attempts: int = 1, **inputs: Any) -> dict[str, Any]:
        """Calls a method, and returns what the activity returned."""
        result: dict[str, Any] = await (await self.start(method, attempts=attempts, **inputs)).result()
        return result

    async def error(self, method: str, *, attempts: int = 1, **inputs: Any) -> ApplicationError:
        """Calls a method that fails, and returns the activity's error."""
        with pytest.raises(WorkflowFailureError) as raised:
            await self.call(method, attempts=attempts, **inputs)
        assert isinstance(raised.value.cause, ActivityError)
        assert isinstance(raised.value.cause.cause, ApplicationError)
        return raised.value.cause.cause


@pytest.fixture(scope="session")
def caller(client: Client, simulator: Simulator) -> Caller:
    return Caller(client, simulator)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def incident(caller: Caller) -> dict[str, Any]:
    return await caller.call("create", request_body={"short_description": "A first"})


def notes(simulator: Simulator, sys_id: str) -> list[str]:
    """The texts in an incident's journals."""
    return [row["value"] for row in simulator.tables()["sys_journal_field"] if row["element_id"] == sys_id]


@pytest.mark.parametrize(
    "scenario", SCENARIOS, ids=lambda scenario: f"{scenario['method']}: {scenario['story']}"
)
async def test_each_outcome_is_returned_or_is_an_error_of_its_name(
    scenario: dict[str, Any], caller: Caller, simulator: Simulator, incident: dict[str, Any]
) -> None:
    if "fault" in scenario:
        simulator.fault(**scenario["fault"])
    text = json.dumps(scenario["inputs"])
    for name, value in {"instance": simulator.base_url, **incident}.items():
        text = text.replace(f"{{{name}}}", value) if isinstance(value, str) else text
    inputs = json.loads(text)
    if "request_body" in inputs:
        inputs["request_body"] = inputs["request_body"]["value"]
    case = scenario["case"]
    if case in ("incident-created", "get-incident-success", "incident-update-success"):
        assert (await caller.call(scenario["method"], **inputs))["number"].startswith("INC")
        return
    error = await caller.error(scenario["method"], **inputs)
    assert error.type == case
    assert error.message
    assert error.details, "the details are what the outcome holds"


async def test_what_can_be_repeated_is_repeated_when_servicenow_says(
    caller: Caller, simulator: Simulator
) -> None:
    busy = {"status": {"status": 429, "headers": {"Retry-After": "1"}}}
    simulator.fault(method="POST", path=WRITES, times=1, effect=busy)
    body = {"short_description": "busy"}
    handle = await caller.start("create", attempts=2, request_body=body, timeout_ms=800)
    made = await handle.result()
    assert made["made"] == "created"
    history = await handle.fetch_history()
    started = next(e for e in history.events if e.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    attributes = started.activity_task_started_event_attributes
    assert attributes.attempt == 2
    failure = attributes.last_failure.application_failure_info
    assert failure.next_retry_delay.ToTimedelta() >= timedelta(seconds=1), failure
    assert not failure.non_retryable


async def test_what_stays_refused_is_not_repeated(caller: Caller, simulator: Simulator) -> None:
    simulator.ask("requests", "DELETE")
    error = await caller.error("create", attempts=5, request_body={"state": "6"})
    assert (error.type, error.non_retryable) == ("create-incident-failure", True)
    assert simulator.ask("requests").count(b"POST /api/now/table/") == 1


async def test_a_create_whose_answer_was_lost_is_found_by_the_next_attempt(
    caller: Caller, simulator: Simulator
) -> None:
    simulator.fault(method="POST", path=WRITES, times=1, effect={"commit-then-delay": {"ms": 5000}})
    made = await caller.call("create", attempts=2, request_body={"short_description": "lost"}, timeout_ms=500)
    assert made["made"] == "found"
    assert [
        row["number"] for row in simulator.tables()["incident"] if row["short_description"] == "lost"
    ] == [made["number"]]


async def test_each_run_of_a_workflow_has_a_key_of_its_own(caller: Caller) -> None:
    runs = []
    for _ in range(2):
        handle = await caller.start("create", key="nightly", request_body={"short_description": "Nightly"})
        made = await handle.result()
        assert made["correlation_id"] == f"{handle.result_run_id}/1"
        runs.append(made["number"])
    assert runs[0] != runs[1]


async def test_an_activity_without_a_workflow_has_a_key_of_its_run(caller: Caller) -> None:
    made = [
        await caller.client.execute_activity(
            "servicenow.create",
            {**caller.known, "request_body": {"short_description": "Alone"}},
            id="create",
            task_queue=TASK_QUEUE,
            start_to_close_timeout=timedelta(seconds=10),
        )
        for _ in range(2)
    ]
    assert made[0]["number"] != made[1]["number"]
    assert all(not result["correlation_id"].startswith("None") for result in made)


async def test_a_key_of_ones_own_is_kept(caller: Caller) -> None:
    given = await caller.call("create", request_body={"urgency": "2"}, correlation_id="order-1")
    column = await caller.call("create", request_body='{"urgency": 2, "correlation_id": "order-1"}')
    assert given["correlation_id"] == column["correlation_id"] == "order-1"
    assert (given["made"], column["made"]) == ("created", "found")
    assert given["number"] == column["number"]


async def test_a_note_whose_answer_was_lost_is_not_written_twice(
    caller: Caller, simulator: Simulator, incident: dict[str, Any]
) -> None:
    simulator.fault(method="PATCH", path=WRITES, times=1, effect={"commit-then-delay": {"ms": 5000}})
    known = {"sys_id": incident["sys_id"], "timeout_ms": 500}
    noted = await caller.call("update", attempts=2, request_body={"work_notes": "Looked at it once"}, **known)
    assert noted["notes"] == {"work_notes": "already-there"}
    assert (noted["made"], noted["number"]) == ("confirmed-by-reading", incident["number"])
    assert notes(simulator, incident["sys_id"]).count("Looked at it once") == 1

    simulator.fault(method="PATCH", path=WRITES, times=1, effect={"commit-then-delay": {"ms": 5000}})
    body = {"work_notes": "Looked at it again", "urgency": "1"}
    noted = await caller.call("update", attempts=2, request_body=body, **known)
    assert noted["notes"] == {"work_notes": "already-there"}
    assert noted["made"] == "updated", "the columns are written again"
    assert notes(simulator, incident["sys_id"]).count("Looked at it again") == 1


async def test_a_note_whose_first_write_comes_late_is_told_as_maybe_twice(
    caller: Caller, simulator: Simulator
) -> None:
    incident = await caller.call("create", request_body={"short_description": "Slow"})
    simulator.fault(method="PATCH", path=WRITES, times=1, effect={"commit-late": {"ms": 1500}})
    known = {"sys_id": incident["sys_id"], "timeout_ms": 500}
    noted = await caller.call(
        "update", attempts=2, request_body='{"work_notes": "Late", "urgency": 1}', **known
    )
    assert noted["notes"] == {"work_notes": "may-be-twice"}


@pytest.mark.parametrize("body", [{"urgency": "1"}, {"work_notes": "In doubt"}], ids=["columns", "a note"])
async def test_a_last_attempt_that_wrote_nothing_does_not_speak_for_an_earlier_one(
    body: dict[str, str], caller: Caller, simulator: Simulator
) -> None:
    incident = await caller.call("create", request_body={"short_description": "Doubtful"})
    simulator.fault(method="PATCH", path=WRITES, times=1, effect={"commit-then-delay": {"ms": 5000}})
    simulator.fault(path=WRITES, times=20, effect={"status": {"status": 429}})
    error = await caller.error(
        "update", attempts=2, sys_id=incident["sys_id"], request_body=body, timeout_ms=500
    )
    assert error.type in ("incident-update-failure", "timeout")
    told = error.details[0]
    assert (told["write_happened"], told["retry"]) == ("unknown", "look-up-first"), told


async def test_an_activity_that_an_operator_reset_is_not_at_its_first_attempt(
    caller: Caller, simulator: Simulator
) -> None:
    incident = await caller.call("create", request_body={"short_description": "Reset"})
    simulator.fault(method="PATCH", path=WRITES, times=1, effect={"commit-then-delay": {"ms": 5000}})
    known = {"sys_id": incident["sys_id"], "timeout_ms": 500}
    handle = await caller.start("update", attempts=9, pause=600, request_body={"work_notes": "Once"}, **known)
    while [one.attempt for one in (await handle.describe()).raw_description.pending_activities] != [2]:
        await asyncio.sleep(0)
    execution = WorkflowExecution(workflow_id=handle.id, run_id=handle.first_execution_run_id or "")
    reset = ResetActivityRequest(namespace=caller.client.namespace, execution=execution, id="1")
    await caller.client.workflow_service.reset_activity(reset)
    assert (await handle.result())["notes"] == {"work_notes": "already-there"}
    assert notes(simulator, incident["sys_id"]) == ["Once"]


async def test_a_call_ends_before_all_attempts_have_to(caller: Caller, simulator: Simulator) -> None:
    simulator.fault(method="GET", path=WRITES, times=10, effect="hang")
    with pytest.raises(ActivityFailureError) as raised:
        await caller.client.execute_activity(
            "servicenow.get",
            {**caller.known, "value": "INC1", "timeout_ms": 2500},
            id="short",
            task_queue=TASK_QUEUE,
            start_to_close_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=timedelta(seconds=4),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10), maximum_attempts=2),
        )
    assert isinstance(raised.value.cause, ApplicationError), "the outcome reached the server"
    assert raised.value.cause.type == "timeout"


async def test_a_note_that_was_certainly_not_written_is_told_as_added(
    caller: Caller, simulator: Simulator
) -> None:
    # Its journal is empty, which tells nothing.
    incident = await caller.call("create", request_body={"short_description": "Quiet"})
    simulator.fault(method="PATCH", path=WRITES, times=10, effect={"status": {"status": 429}})
    body = {"work_notes": "Looked at it"}
    handle = await caller.start(
        "update", attempts=9, sys_id=incident["sys_id"], request_body=body, timeout_ms=200
    )
    while simulator.ask("requests").count(b"PATCH") == 0:
        await asyncio.sleep(0)
    simulator.ask("faults", "DELETE")
    assert (await handle.result())["notes"] == {"work_notes": "added"}
    assert notes(simulator, incident["sys_id"]) == ["Looked at it"]


async def test_a_cancelled_workflow_ends_its_call(caller: Caller, simulator: Simulator) -> None:
    simulator.ask("requests", "DELETE")
    simulator.fault(method="GET", path=WRITES, times=10, effect="hang")
    handle = await caller.start("get", value="INC0000001", timeout_ms=19_000)
    while b"GET /api/now/table/" not in simulator.ask("requests"):
        await asyncio.sleep(0)
    await handle.cancel()
    async with asyncio.timeout(10):
        with pytest.raises(WorkflowFailureError) as raised:
            await handle.result()
    assert isinstance(raised.value.cause, CancelledError)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (
            {"value": "INC1", "tiemout_ms": 1},
            "tiemout_ms is none of its inputs, which are authorization, instance",
        ),
        ({}, "value is missing: "),
        ({"value": 7}, "value: given 7, expected"),
        ({"value": "INC1", "timeout_ms": "soon"}, "timeout_ms: given a value of type str, expected"),
        ({"value": "INC1", "authorization": "nobody"}, "nobody"),
    ],
)
async def test_a_mistake_is_named_and_not_repeated(caller: Caller, inputs: dict[str, Any], says: str) -> None:
    error = await caller.error("get", attempts=5, **inputs)
    assert says in error.message
    assert error.non_retryable


@pytest.mark.parametrize("given", [None, "INC1", ["INC1"]])
async def test_inputs_that_are_no_object_are_refused_once(caller: Caller, given: Any) -> None:
    with pytest.raises(ActivityFailureError) as raised:
        await caller.client.execute_activity(
            "servicenow.get",
            given,
            id=str(uuid4()),
            task_queue=TASK_QUEUE,
            start_to_close_timeout=timedelta(seconds=10),
        )
    assert isinstance(raised.value.cause, ApplicationError)
    assert "expected one object of the method's inputs" in raised.value.cause.message


async def test_temporal_stores_no_secret(
    caller: Caller, simulator: Simulator, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await caller.call("create", request_body={"short_description": "A canary's"})
    await caller.error("create", request_body={"state": "6"})
    written = b"".join(file.read_bytes() for file in store.parent.iterdir())
    assert b"A canary's" in written or b"canary" in written, "the store is where this looks"
    token = json.loads(simulator.ask("requests/whole").splitlines()[-1])["headers"]
    assert any("bearer" in value.lower() for _, value in _pairs(token))
    secrets = [value.split()[-1] for _, value in _pairs(token) if value.lower().startswith("bearer")]
    for secret in [simulator.client_secret, simulator.password, *secrets]:
        assert secret.encode() not in written
        assert secret not in caplog.text


def _pairs(headers: Any) -> list[tuple[str, str]]:
    return list(headers.items()) if isinstance(headers, dict) else [tuple(pair) for pair in headers]
