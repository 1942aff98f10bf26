"""The component that checks its host: every duty of docs/hosts.md is kept."""

import json
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from servicenow import ServiceNow, basic
from servicenow.outcomes import IncidentCreated, Timeout

from .conftest import DIST, HERE, Simulator

CHECKS = json.loads((HERE.parents[1] / "host-checks.json").read_text())

TOLERANCE = 0.5
"""How much later than its deadline a call may end, in seconds."""

NOWHERE = "http://127.0.0.1:1"
"""An origin where nothing listens."""


@pytest.fixture(scope="module")
def checked(simulator: Simulator) -> Iterator[ServiceNow]:
    known = {
        "main": simulator.main(),
        "second": basic(simulator.base_url, "user", "password"),
        "nowhere": basic(NOWHERE, "user", "password"),
    }
    with ServiceNow(DIST / "servicenow-host-check-over-transport.wasm", known) as host:
        yield host


@pytest.mark.parametrize("check", CHECKS, ids=[f"{check['check']}: {check['story']}" for check in CHECKS])
def test_every_duty_is_kept(check: Any, checked: ServiceNow, simulator: Simulator) -> None:
    if "fault" in check:
        simulator.faults(check["fault"])
    authorization = check.get("authorization", "main")
    instance = NOWHERE if authorization == "nowhere" else simulator.base_url
    timeout_ms = check.get("timeout_ms", 10_000)
    began = monotonic()
    outcome: Any = checked.create(
        authorization, instance, {"short_description": check["check"]}, timeout_ms=timeout_ms
    )
    took = monotonic() - began
    cases = {"IncidentCreated": "incident-created", "Timeout": "timeout", "Error": "error"}
    assert cases.get(type(outcome).__name__) in check["cases"], outcome
    if not isinstance(outcome, IncidentCreated):
        assert outcome.failure.write_happened == check["write_happened"]
    assert took <= timeout_ms / 1000 + TOLERANCE


def test_a_component_that_computes_for_ever_ends_at_the_deadline_and_in_no_trap(
    checked: ServiceNow, simulator: Simulator
) -> None:
    for timeout_ms in range(100, 120):
        outcome: object = checked.create(
            "main",
            simulator.base_url,
            {"short_description": "computes-for-ever"},
            timeout_ms=timeout_ms,
        )
        assert isinstance(outcome, Timeout), outcome
