"""Event sync against the simulator: previews, pushes, deliveries and what they missed."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from servicenow import AsyncEventSync, EventSync, MemoryLedger, Selection, ServiceNow, SqliteLedger
from servicenow.outcomes import (
    Accepted,
    ChangesPage,
    ColumnsSuccess,
    Created,
    Duplicate,
    Echo,
    Error,
    FilteredOut,
    IncidentCreated,
    InvalidData,
    Items,
    Mapped,
    Paths,
    Resolved,
    Unauthenticated,
    Unchanged,
    Updated,
)
from servicenow.records import Change, Reason

from .conftest import CALLBACK_SECRET, SYNC_WASM, Simulator


def rules(**more: Any) -> dict[str, Any]:
    plain = {
        "name": "Alerts",
        "correlation_id": "python-{{ id }}",
        "body": {"short_description": "{{ title }}"},
    }
    return {**plain, **more}


def delivery(sys_id: str, count: int) -> bytes:
    current = {"state": "2", "sys_updated_on": f"2026-01-01 00:00:0{count}"}
    told = {"sys_id": sys_id, "number": "INC0010001", "sys_mod_count": str(count), "table": "incident"}
    return json.dumps({**told, "action": "update", "current": current}).encode()


SECRET = [("X-Callback-Secret", CALLBACK_SECRET)]


def test_a_preview_shows_what_is_sent_and_needs_no_network(sync: EventSync) -> None:
    outcome = sync.preview(rules(), {"id": 1, "title": "Disk full"})
    assert isinstance(outcome, Mapped)
    assert json.loads(outcome.mapped.body)["short_description"] == "Disk full"
    filtered = sync.preview(rules(mode="manual"), {"id": 1, "title": "Disk full"})
    assert isinstance(filtered, FilteredOut), filtered
    assert isinstance(sync.preview(rules(), "no JSON"), InvalidData)
    assert isinstance(sync.preview(rules(), {"id": object()}), InvalidData)
    places = sync.paths({"id": 1})
    assert isinstance(places, Paths)
    assert [(place.path, place.kind) for place in places.paths] == [("id", "number")]


def test_an_event_creates_changes_and_is_repeated(simulator: Simulator, tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    with EventSync(SYNC_WASM, simulator.known, ledger) as sync:
        for title, expected in [("Disk full", Created), ("Disk full", Unchanged), ("Disk fuller", Updated)]:
            event = {"id": "changes", "title": title}
            assert isinstance(sync.push("main", simulator.base_url, rules(), event), expected), title


MANY = {
    "for_each": {"path": "alerts", "as": "alert"},
    "correlation_id": "each-{{ alert.id }}",
    "body": {"short_description": "{{ alert.title }} in {{ region }}"},
}


def many(*titles: str) -> dict[str, Any]:
    return {"region": "eu", "alerts": [{"id": title, "title": title} for title in titles]}


def test_an_event_of_many_alerts_is_pushed_one_by_one(simulator: Simulator, sync: EventSync) -> None:
    held = sync.items(rules(**MANY), many("Disk", "CPU"))
    assert isinstance(held, Items)
    assert [json.loads(text)["alert"]["title"] for text in held.texts] == ["Disk", "CPU"]
    for expected in (Created, Unchanged):
        outcomes = list(sync.push_each("main", simulator.base_url, rules(**MANY), many("Disk", "CPU")))
        assert [type(outcome) for outcome in outcomes] == [expected, expected], outcomes
    whole = sync.push("main", simulator.base_url, rules(**MANY), many("Disk"))
    assert isinstance(whole, InvalidData), whole
    assert [type(outcome) for outcome in sync.push_each("main", simulator.base_url, rules(**MANY), {})] == [
        InvalidData
    ]


def test_an_event_of_many_alerts_is_pushed_with_asyncio(simulator: Simulator) -> None:
    async def push() -> list[object]:
        async with AsyncEventSync(SYNC_WASM, simulator.known) as sync:
            pushed = sync.push_each("main", simulator.base_url, rules(**MANY), many("Fan", "Power"))
            return [type(outcome) async for outcome in pushed]

    assert asyncio.run(push()) == [Created, Created]


def test_a_preview_warns_by_the_columns_of_the_instance(
    simulator: Simulator, sync: EventSync, host: ServiceNow
) -> None:
    columns = host.columns("main", simulator.base_url)
    assert isinstance(columns, ColumnsSuccess)
    event = {"id": 1, "title": "x" * 200}
    for known, warned in (([], []), (columns.columns, ["short_description"])):
        outcome = sync.preview(rules(), event, columns=known)
        assert isinstance(outcome, Mapped)
        assert [warning.field for warning in outcome.mapped.warnings] == warned


def test_what_was_pushed_outlives_the_host(simulator: Simulator, tmp_path: Path, host: ServiceNow) -> None:
    event = {"id": "outlives", "title": "Disk full"}
    for expected in (Created, Unchanged):
        with EventSync(SYNC_WASM, simulator.known, SqliteLedger(tmp_path / "ledger.db")) as sync:
            outcome = sync.push("main", simulator.base_url, rules(), event)
        assert isinstance(outcome, expected)
        # What an agent changes stays: the event says what it said before.
        assert isinstance(outcome, Created | Unchanged)
        host.update("main", simulator.base_url, outcome.pushed.sys_id, {"short_description": "Mine"})


def test_a_delivery_is_handed_on_once_and_remembered_where_it_was_taken(simulator: Simulator) -> None:
    handed: list[Change] = []
    sys_id = "a" * 32

    def broken(_change: Change) -> None:
        raise RuntimeError("the consumer is down")

    with EventSync(SYNC_WASM, simulator.known) as sync:
        with pytest.raises(RuntimeError, match="the consumer is down"):
            sync.deliver("main", SECRET, delivery(sys_id, 1), broken)
        first = sync.deliver("main", SECRET, delivery(sys_id, 1), handed.append)
        again = sync.deliver("main", SECRET, delivery(sys_id, 1), handed.append)
    assert isinstance(first, Accepted)
    assert isinstance(again, Duplicate)
    assert [(change.sys_id, change.mod_count) for change in handed] == [(sys_id, 1)]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("x-callback-secret", "wrong")],
        [("x-callback-secret", CALLBACK_SECRET), ("X-Callback-Secret", CALLBACK_SECRET)],
        [("x-callback-secret", CALLBACK_SECRET + "é")],
        [("x-callback-secret", "\udc80")],
    ],
)
def test_a_delivery_without_its_secret_is_not_read(sync: EventSync, headers: list[tuple[str, str]]) -> None:
    assert isinstance(sync.deliver("main", headers, b"{", fail), Unauthenticated)
    assert isinstance(sync.deliver("nobody", SECRET, b"{", fail), Unauthenticated)


def fail(_change: Change) -> None:
    raise AssertionError("it was handed on")


def test_rules_and_tables_that_are_none_are_named(simulator: Simulator, sync: EventSync) -> None:
    broken_rules: Any = {"name": object()}
    verdict = sync.deliver("main", SECRET, delivery("c" * 32, 1), fail, broken_rules)
    assert isinstance(verdict, InvalidData)
    wrong: list[dict[str, Any]] = [
        {"rules": broken_rules},
        {"selection": Selection(tables=cast(Any, [1]))},
        {"selection": Selection(tables=cast(Any, "incident"))},
    ]
    for given, field in zip(wrong, ["rules", "tables", "tables"], strict=True):
        outcome = sync.changes("main", simulator.base_url, fail, **given)
        assert isinstance(outcome, InvalidData), given
        assert [violation.field for violation in outcome.violations] == [field]


def test_a_claim_that_cannot_be_given_up_changes_no_outcome(simulator: Simulator) -> None:
    class Sealed(MemoryLedger):
        def replace(self, authorization: str, name: str, before: str | None, after: str | None) -> bool:
            if after is None:
                raise OSError("read-only")
            return super().replace(authorization, name, before, after)

    with EventSync(SYNC_WASM, simulator.known, Sealed()) as sync:
        event = {"id": "sealed", "title": "Disk full"}
        assert isinstance(sync.push("main", simulator.base_url, rules(), event), Created)


def test_what_deliveries_missed_is_read_and_own_writes_are_none(
    simulator: Simulator, host: ServiceNow, tmp_path: Path
) -> None:
    handed: list[Change] = []
    selection = Selection(tables=["incident"], overlap_seconds=0)
    with EventSync(SYNC_WASM, simulator.known, SqliteLedger(tmp_path / "ledger.db")) as sync:

        def read() -> object:
            return sync.changes("main", simulator.base_url, handed.append, selection=selection)

        assert isinstance(read(), ChangesPage)
        made = host.create("main", simulator.base_url, {"short_description": "By a person"})
        pushed = sync.push("main", simulator.base_url, rules(), {"id": "own", "title": "By this host"})
        assert isinstance(made, IncidentCreated)
        assert isinstance(pushed, Created)
        assert isinstance(read(), ChangesPage)
        assert made.receipt.sys_id in [change.sys_id for change in handed]
        assert pushed.pushed.sys_id not in [change.sys_id for change in handed]
        before = len(handed)
        assert isinstance(read(), ChangesPage)
        assert len(handed) == before


def test_the_delivery_of_an_own_write_is_an_echo(simulator: Simulator, sync: EventSync) -> None:
    pushed = sync.push("main", simulator.base_url, rules(), {"id": "echo", "title": "By this host"})
    assert isinstance(pushed, Created)
    assert pushed.pushed.version is not None
    own = delivery(pushed.pushed.sys_id, pushed.pushed.version)
    assert isinstance(sync.deliver("main", SECRET, own, fail), Echo)


def test_a_ledger_that_cannot_be_used_ends_the_push_before_anything_is_written(simulator: Simulator) -> None:
    class Broken(MemoryLedger):
        def replace(self, *_: object) -> bool:
            raise OSError("hush")

    before = len(simulator.requests())
    with EventSync(SYNC_WASM, simulator.known, Broken()) as sync:
        outcome = sync.push("main", simulator.base_url, rules(), {"id": "full", "title": "Disk full"})
    assert isinstance(outcome, Error)
    assert outcome.failure.reason is Reason.LIMIT
    assert "the ledger cannot be used" in outcome.failure.message
    assert "hush" not in str(outcome)
    assert len(simulator.requests()) == before


def test_events_are_awaited_and_handlers_run_in_the_loop(simulator: Simulator) -> None:
    async def events() -> tuple[object, object, list[Change]]:
        handed: list[Change] = []

        async def handle(change: Change) -> None:
            await asyncio.sleep(0)
            handed.append(change)

        async with AsyncEventSync(SYNC_WASM, simulator.known) as sync:
            event = {"id": "awaited", "title": "Disk full"}
            pushed = await sync.push("main", simulator.base_url, rules(), event)
            verdict = await sync.deliver("main", SECRET, delivery("b" * 32, 1), handle)
            await sync.changes("main", simulator.base_url, handle)
            return pushed, verdict, handed

    pushed, verdict, handed = asyncio.run(events())
    assert isinstance(pushed, Created)
    assert isinstance(verdict, Accepted)
    assert [change.sys_id for change in handed] == ["b" * 32]


def test_an_event_that_recovers_resolves_its_incident(simulator: Simulator, sync: EventSync) -> None:
    by_status = rules(status={"path": "status"})
    for status, expected in [("Trigger", Created), ("Closed", Resolved), ("Closed", Unchanged)]:
        event = {"id": "recovers", "title": "Disk full", "status": status}
        outcome = sync.push("main", simulator.base_url, by_status, event)
        assert isinstance(outcome, expected), outcome
