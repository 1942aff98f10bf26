"""What is beside create, get and update, and the same from asyncio."""

import asyncio
from threading import Event
from typing import Any

import pytest

from servicenow import (
    AsyncServiceNow,
    Authorization,
    Broken,
    Request,
    Response,
    ServiceNow,
    bearer,
    client_credentials,
)
from servicenow.outcomes import (
    Authenticated,
    ColumnsSuccess,
    FindSuccess,
    IncidentCreated,
    InvalidData,
    NotAuthenticated,
    Timeout,
)
from servicenow.records import Receipt, WriteHappened

from .conftest import NODE_WASM, Simulator


def test_a_page_of_incidents_is_found(host: ServiceNow, simulator: Simulator, incident: Receipt) -> None:
    found = host.find("main", simulator.base_url, f"number={incident.number}", limit=1)
    assert isinstance(found, FindSuccess)
    assert [row.sys_id for row in found.incident_page.incidents] == [incident.sys_id]
    assert found.incident_page.total == 1


def test_a_limit_that_is_none_is_refused_by_name(host: ServiceNow, simulator: Simulator) -> None:
    limits: list[Any] = [-1, 2**32, "5", True]
    for limit in limits:
        outcome = host.find("main", simulator.base_url, "", limit=limit)
        assert isinstance(outcome, InvalidData), limit
        assert [violation.field for violation in outcome.violations] == ["limit"]


def test_columns_are_read_with_their_choices(host: ServiceNow, simulator: Simulator) -> None:
    outcome = host.columns("main", simulator.base_url)
    assert isinstance(outcome, ColumnsSuccess)
    state = next(column for column in outcome.columns if column.name == "state")
    assert ("6", "Resolved") in [(choice.value, choice.label) for choice in state.choices]


def test_an_authorization_is_checked(host: ServiceNow, simulator: Simulator) -> None:
    outcome = host.authenticate("main", simulator.base_url)
    assert isinstance(outcome, Authenticated)
    assert outcome.access.scope == "useraccount"
    wrong = client_credentials(simulator.base_url, simulator.client_id, "not the secret")
    with ServiceNow(NODE_WASM, {"main": wrong}) as other:
        refused = other.authenticate("main", simulator.base_url)
    assert isinstance(refused, NotAuthenticated)
    assert refused.diagnosis.failure.status == 401


def test_the_node_describes_itself(host: ServiceNow) -> None:
    node = host.describe()
    assert [method.name for method in node.methods][:3] == ["create", "get", "update"]
    assert any(outcome.node_name == "onIncidentCreated" for outcome in node.methods[0].outcomes)


def test_calls_are_awaited_together(simulator: Simulator) -> None:
    async def calls() -> list[object]:
        async with AsyncServiceNow(NODE_WASM, simulator.known) as host:
            creates = [
                host.create("main", simulator.base_url, {"short_description": f"No. {at}"}, timeout_ms=30_000)
                for at in range(64)
            ]
            return [*await asyncio.gather(*creates), await host.describe()]

    *outcomes, _ = asyncio.run(calls())
    keys = {outcome.receipt.sys_id for outcome in outcomes if isinstance(outcome, IncidentCreated)}
    assert len(keys) == 64


def test_an_awaited_call_ends_at_its_deadline_and_keeps_no_loop_waiting(
    simulator: Simulator, incident: Receipt
) -> None:
    simulator.faults({"method": "PATCH", "effect": "hang"})

    async def call() -> object:
        async with AsyncServiceNow(NODE_WASM, simulator.known) as host:
            await host.authenticate("main", simulator.base_url)
            update = host.update(
                "main", simulator.base_url, incident.sys_id, {"urgency": "1"}, timeout_ms=300
            )
            ticks = 0
            running = asyncio.ensure_future(update)
            while not running.done():
                await asyncio.sleep(0.01)
                ticks += 1
            assert ticks > 10
            return await running

    outcome = asyncio.run(call())
    assert isinstance(outcome, Timeout)
    assert outcome.failure.write_happened is WriteHappened.UNKNOWN


def test_a_call_that_is_cancelled_sends_nothing_any_more(simulator: Simulator) -> None:
    asked = Event()
    sent: list[str] = []
    go = Event()

    def slowly(_name: str) -> Authorization:
        asked.set()
        go.wait(10)
        return bearer(simulator.base_url, "x")

    class Watching:
        def send(self, request: Request, _deadline: float) -> Response:
            sent.append(request.url)
            raise Broken("lost")

        def close(self) -> None:
            pass

    async def cancelled() -> None:
        async with AsyncServiceNow(NODE_WASM, slowly, transport=Watching()) as host:
            call = asyncio.ensure_future(host.create("main", simulator.base_url, {"urgency": "2"}))
            await asyncio.to_thread(asked.wait, 5)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            go.set()
            # It ends before another does that begins now.
            await asyncio.gather(*(host.describe() for _ in range(3)))

    asyncio.run(cancelled())
    assert sent == []
