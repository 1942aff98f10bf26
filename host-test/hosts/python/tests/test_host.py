"""The component in Python, against the simulator: every outcome, the deadline, and what goes wrong with credentials."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from servicenow import Credentials, Granted, ServiceNow, WrongComponent, basic, bearer
from servicenow.outcomes import (
    Error,
    GetIncidentSuccess,
    IncidentCreated,
    Made,
    Reason,
    Receipt,
    Timeout,
    WriteHappened,
)

from .conftest import HERE, WASM, Simulator

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
            read = host.get("main", simulator.base_url, "number", receipt.number)
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


def refuse(_name: str) -> Granted | None:
    raise RuntimeError("hush")


@pytest.mark.parametrize(
    ("credentials", "reason"),
    [
        (lambda _: refuse, Reason.DENIED_BY_HOST),
        (lambda url: lambda _name: bearer(url, "hush\nx-evil: 1"), Reason.DENIED_BY_HOST),
        (lambda _: lambda _name: None, Reason.UNKNOWN_AUTHORIZATION),
    ],
    ids=["credentials that raise", "a secret with a line break", "no credentials of that name"],
)
def test_bad_credentials_end_in_an_error_without_the_secret(
    credentials: Callable[[str], Credentials],
    reason: Reason,
    simulator: Simulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ServiceNow(WASM, credentials(simulator.base_url)) as host:
        outcome = host.get("main", simulator.base_url, "number", "INC1")
    assert isinstance(outcome, Error)
    assert outcome.failure.reason is reason
    assert "hush" not in str(outcome) + caplog.text


def test_many_calls_at_once_each_get_their_own_outcome(host: ServiceNow, simulator: Simulator) -> None:
    def create(at: int) -> object:
        return host.create("main", simulator.base_url, {"short_description": str(at)}, timeout_ms=20_000)

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(create, range(24)))
    created = {outcome.receipt.sys_id for outcome in outcomes if isinstance(outcome, IncidentCreated)}
    assert len(created) == 24


def test_a_component_that_computes_without_end_is_ended(simulator: Simulator, tmp_path: Path) -> None:
    with ServiceNow(WASM, lambda _: basic(simulator.base_url, "u", "p")) as host:
        # No component of this repository computes without end, so its time is made so short that this one does.
        outcome = host.create("main", simulator.base_url, "{" + '"a":1,' * 2_000_000, timeout_ms=20)
    assert isinstance(outcome, Timeout)


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
            lambda wasm: replaced(wasm, b"plugin/incidents@0.1.0", b"plugin/incidents@0.0.9"),
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
    file.write_bytes(change(WASM.read_bytes()))
    with pytest.raises(WrongComponent, match=says):
        ServiceNow(file, refuse)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongComponent, match="none.wasm: give the path of a readable file"):
        ServiceNow(tmp_path / "none.wasm", refuse)
