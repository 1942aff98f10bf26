"""A simulator for all tests, and a host that knows it as `main`."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from servicenow import Granted, ServiceNow, client_credentials
from servicenow.outcomes import IncidentCreated, Receipt

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
HOST_TEST = os.environ.get("HOST_TEST", str(ROOT / "target/debug/host-test"))
WASM = Path(os.environ.get("SERVICENOW_WASM", str(ROOT / "dist/servicenow.wasm")))


@dataclass(frozen=True)
class Simulator:
    """A running simulator."""

    base_url: str
    client_id: str
    client_secret: str
    username: str
    password: str

    def faults(self, fault: Any = None) -> None:
        """Adds a fault, or takes all away."""
        body = None if fault is None else json.dumps(fault).encode()
        method = "DELETE" if body is None else "POST"
        with urlopen(Request(f"{self.base_url}/simulator/faults", body, method=method)) as answer:
            assert answer.status == 200

    def credentials(self, name: str) -> Granted | None:
        """What the host knows."""
        if name != "main":
            return None
        return client_credentials(self.base_url, self.client_id, self.client_secret)


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with subprocess.Popen([HOST_TEST, "simulator"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        access = json.loads(process.stdout.readline())
        names = ["base_url", "client_id", "client_secret", "username", "password"]
        yield Simulator(**{name: access[name] for name in names})
        process.terminate()


@pytest.fixture(scope="session")
def host(simulator: Simulator) -> Iterator[ServiceNow]:
    with ServiceNow(WASM, simulator.credentials) as host:
        yield host


@pytest.fixture(scope="session")
def incident(host: ServiceNow, simulator: Simulator) -> Receipt:
    match host.create("main", simulator.base_url, {"short_description": "A first"}):
        case IncidentCreated(receipt):
            return receipt
        case other:
            raise AssertionError(other)


@pytest.fixture(autouse=True)
def healed(simulator: Simulator) -> Iterator[None]:
    yield
    simulator.faults()
