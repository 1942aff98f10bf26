"""The incident node against the simulator: every outcome, the deadline, and what goes wrong with
authorizations."""

import gc
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, cast

import pytest

from servicenow import Authorization, Authorizations, Header, ServiceNow, WrongComponent, bearer
from servicenow.outcomes import Error, GetIncidentSuccess, IncidentCreated, InvalidData, Timeout
from servicenow.records import Made, Reason, Receipt, WriteHappened

from .conftest import HERE, NODE_WASM, Simulator

SCENARIOS = json.loads((HERE.parents[1] / "scenarios.json").read_text())


def invoke(host: ServiceNow, scenario: Any, simulator: Simulator, incident: Receipt) -> object:
    """Calls a method by the names of the manifest."""
    text = json.dumps(scenario["inputs"])
    for name, value in [
        ("instance", simulator.base_url),
        ("number", incident.number),
        ("sys_id", incident.sys_id),
    ]:
        text = text.replace(f"{{{name}}}", value)
    inputs = json.loads(text)
    body = inputs.pop("request_body", None)
    if body is not None:
        inputs["request_body"] = (
            body["value"] if body["case"] == "json" else [tuple(pair) for pair in body["value"]]
        )
    return getattr(host, scenario["method"])(**inputs)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[f"{s['method']}-{s['case']}" for s in SCENARIOS])
def test_every_outcome_is_reached(
    scenario: Any, host: ServiceNow, simulator: Simulator, incident: Receipt
) -> None:
    if "fault" in scenario:
        simulator.faults(scenario["fault"])
    outcome = type(invoke(host, scenario, simulator, incident)).__name__
    assert re.sub(r"(?<!^)(?=[A-Z])", "-", outcome).lower() == scenario["case"]


def test_a_receipt_is_read_back_as_an_incident(host: ServiceNow, simulator: Simulator) -> None:
    match host.create("main", simulator.base_url, {"short_description": "Printer on fire"}):
        case IncidentCreated(receipt):
            read = host.get("main", simulator.base_url, receipt.number)
        case other:
            pytest.fail(str(other))
    assert isinstance(read, GetIncidentSuccess)
    fields = {field.name: field for field in read.incident.fields}
    assert fields["short_description"].value == "Printer on fire"
    assert fields["caller_id"].link is None


def test_a_create_with_the_same_correlation_id_makes_one_incident(
    host: ServiceNow, simulator: Simulator
) -> None:
    def create() -> Receipt:
        outcome = host.create("main", simulator.base_url, {"urgency": "2"}, correlation_id="python-once")
        assert isinstance(outcome, IncidentCreated)
        return outcome.receipt

    first, second = create(), create()
    assert first.sys_id == second.sys_id
    assert (first.made, second.made) == (Made.CREATED, Made.FOUND)


def test_a_call_ends_at_its_deadline(host: ServiceNow, simulator: Simulator, incident: Receipt) -> None:
    simulator.faults({"method": "PATCH", "effect": "hang"})
    started = monotonic()
    outcome = host.update("main", simulator.base_url, incident.sys_id, {"urgency": "1"}, timeout_ms=400)
    assert isinstance(outcome, Timeout)
    assert outcome.failure.write_happened is WriteHappened.UNKNOWN
    assert monotonic() - started < 0.5


def test_authorizations_that_do_not_come_leave_nothing_in_doubt(
    simulator: Simulator, incident: Receipt
) -> None:
    go = Event()
    with ServiceNow(NODE_WASM, lambda _: (go.wait(10), None)[1]) as host:
        started = monotonic()
        outcome = host.update("main", simulator.base_url, incident.sys_id, {"urgency": "1"}, timeout_ms=200)
        assert monotonic() - started < 0.3
        go.set()
    assert isinstance(outcome, Timeout)
    assert outcome.failure.message == "the host ended the call at its deadline"
    assert outcome.failure.write_happened is WriteHappened.NO


def test_a_component_that_computes_is_ended_by_the_clock(simulator: Simulator) -> None:
    def late(name: str) -> Authorization | None:
        # So many ticks while the component asks: its time is over when it computes again.
        for _ in range(1_000):
            host._runner._engine.increment_epoch()
        return simulator.known(name)

    with ServiceNow(NODE_WASM, late) as host:
        outcome = host.create("main", simulator.base_url, {"urgency": "1"}, timeout_ms=5_000)
    assert isinstance(outcome, Error)
    assert outcome.failure.reason is Reason.LIMIT


def refuse(_name: str) -> Authorization | None:
    raise RuntimeError("hush")


def leave(_name: str) -> Authorization | None:
    raise SystemExit("hush")


@pytest.mark.parametrize(
    ("authorizations", "reason"),
    [
        (lambda _: refuse, Reason.DENIED_BY_HOST),
        (lambda _: leave, Reason.DENIED_BY_HOST),
        (lambda _: cast(Any, lambda _name: "hush"), Reason.DENIED_BY_HOST),
        (
            lambda url: lambda _name: Authorization(url, cast(Any, "hush"), Header("authorization", "hush")),
            Reason.DENIED_BY_HOST,
        ),
        (lambda url: lambda _name: bearer(url, "hush\nx-evil: 1"), Reason.DENIED_BY_HOST),
        (lambda _: lambda _name: None, Reason.UNKNOWN_AUTHORIZATION),
    ],
    ids=["raise", "exit", "no credential", "no grant type", "a line break", "none of that name"],
)
def test_bad_authorizations_end_in_an_error_without_the_secret(
    authorizations: Callable[[str], Authorizations],
    reason: Reason,
    simulator: Simulator,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with ServiceNow(NODE_WASM, authorizations(simulator.base_url)) as host:
        outcome = host.get("main", simulator.base_url, "INC1")
    assert isinstance(outcome, Error)
    assert outcome.failure.reason is reason
    assert "hush" not in str(outcome) + caplog.text + capfd.readouterr().err


def test_many_calls_at_once_each_get_their_own_outcome(host: ServiceNow, simulator: Simulator) -> None:
    def create(at: int) -> object:
        return host.create("main", simulator.base_url, {"short_description": str(at)}, timeout_ms=20_000)

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(create, range(24)))
    created = {outcome.receipt.sys_id for outcome in outcomes if isinstance(outcome, IncidentCreated)}
    assert len(created) == 24


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"request_body": {"urgency": 1}}, "request_body"),
        ({"request_body": None}, "request_body"),
        ({"request_body": ["ab"]}, "request_body"),
        ({"request_body": {"urgency": "\ud800"}}, "request_body"),
        ({"request_body": {}, "timeout_ms": 0}, "timeout_ms"),
        ({"request_body": {}, "timeout_ms": float("nan")}, "timeout_ms"),
        ({"request_body": {}, "timeout_ms": "500"}, "timeout_ms"),
        ({"request_body": {}, "correlation_id": 5}, "correlation_id"),
        ({"request_body": {}, "input_display_values": "x"}, "input_display_values"),
        ({"request_body": {}, "instance": None}, "instance"),
    ],
)
def test_inputs_of_the_wrong_kind_are_refused_by_name(
    inputs: dict[str, Any], field: str, host: ServiceNow, simulator: Simulator
) -> None:
    outcome = host.create(**{"authorization": "main", "instance": simulator.base_url, **inputs})
    assert isinstance(outcome, InvalidData)
    assert [violation.field for violation in outcome.violations] == [field]


def test_a_column_that_is_no_text_is_named(host: ServiceNow, simulator: Simulator) -> None:
    body: Any = {"short_description": "x", "urgency": 2}
    outcome = host.create("main", simulator.base_url, body)
    assert isinstance(outcome, InvalidData)
    assert outcome.violations[0].given == "'urgency': 2"
    body["urgency"] = body
    outcome = host.create("main", simulator.base_url, body)
    assert isinstance(outcome, InvalidData)
    assert outcome.violations[0].given == "'urgency': a value of type dict"


def test_a_correlation_id_is_the_call_s_or_the_body_s_and_never_made_in_place_of_an_empty_one(
    host: ServiceNow, simulator: Simulator
) -> None:
    for body in (
        {"correlation_id": "in-body"},
        '{"correlation_id":"in-body"}',
        [("correlation_id", "in-body")],
    ):
        outcome = host.create("main", simulator.base_url, body)
        assert isinstance(outcome, IncidentCreated)
        assert outcome.receipt.correlation_id == "in-body"
    assert isinstance(
        host.create("main", simulator.base_url, {"urgency": "2"}, correlation_id=""), InvalidData
    )


def test_a_host_that_was_closed_says_so(simulator: Simulator) -> None:
    host = ServiceNow(NODE_WASM, simulator.known)
    host.close()
    outcome = host.get("main", simulator.base_url, "INC1")
    assert isinstance(outcome, Error)
    assert outcome.failure.message == "the host was closed"


def test_a_host_that_is_forgotten_takes_its_clock_with_it(simulator: Simulator) -> None:
    host = ServiceNow(NODE_WASM, simulator.known)
    closed = host._runner.imports.closed
    del host
    gc.collect()
    assert closed.is_set()


def replaced(wasm: bytes, name: bytes, by: bytes) -> bytes:
    """The same component with another name of the same length."""
    return wasm.replace(name, by)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda wasm: wasm[: len(wasm) // 2], "no component, or not a whole one"),
        (lambda _: b"\0asm\x01\0\0\0", "is a core module; expected is a component of the world"),
        (lambda _: b"hello", "no component"),
        (
            lambda wasm: replaced(wasm, b"plugin/incidents@0.2.0", b"plugin/incidents@0.0.9"),
            "incidents@0.0.9; expected",
        ),
        (
            lambda wasm: replaced(wasm, b"servicenow:plugin/", b"servicenew:plugin/"),
            "expected is servicenow:plugin",
        ),
    ],
    ids=["truncated", "core module", "text", "older version", "another world"],
)
def test_what_is_not_the_component_is_refused(
    change: Callable[[bytes], bytes], says: str, tmp_path: Path
) -> None:
    file = tmp_path / "other.wasm"
    file.write_bytes(change(NODE_WASM.read_bytes()))
    with pytest.raises(WrongComponent, match=says):
        ServiceNow(file, refuse)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongComponent, match="none.wasm: give the path of a readable file"):
        ServiceNow(tmp_path / "none.wasm", refuse)
