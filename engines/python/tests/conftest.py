"""A simulator for all tests, and hosts that know it as `main`."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from servicenow import Authorization, EventSync, ServiceNow, client_credentials
from servicenow.outcomes import IncidentCreated
from servicenow.records import Receipt

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
HOST_TEST = os.environ.get("HOST_TEST", str(ROOT / "target/debug/host-test"))
DIST = Path(os.environ.get("SERVICENOW_DIST", str(ROOT / "dist")))
NODE_WASM = DIST / "servicenow-over-transport.wasm"
SYNC_WASM = DIST / "servicenow-sync-over-transport.wasm"
CALLBACK_SECRET = "a-callback-secret-of-the-tests"


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

    def requests(self) -> list[str]:
        """What it was asked so far, such as `POST /api/now/table/incident`."""
        with urlopen(f"{self.base_url}/simulator/requests") as answer:
            return [json.loads(line) for line in answer.read().splitlines()]

    def main(self) -> Authorization:
        """The authorization that the hosts know."""
        return client_credentials(
            self.base_url, self.client_id, self.client_secret, callback_secrets=(CALLBACK_SECRET,)
        )

    def known(self, name: str) -> Authorization | None:
        """What the hosts know."""
        return self.main() if name == "main" else None


@contextmanager
def running(*options: str) -> Iterator[Simulator]:
    """A simulator of one's own."""
    command = [HOST_TEST, "simulator", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        access = json.loads(process.stdout.readline())
        names = ["base_url", "client_id", "client_secret", "username", "password"]
        try:
            yield Simulator(**{name: access[name] for name in names})
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with running() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def host(simulator: Simulator) -> Iterator[ServiceNow]:
    with ServiceNow(NODE_WASM, simulator.known) as host:
        yield host


@pytest.fixture(scope="session")
def sync(simulator: Simulator) -> Iterator[EventSync]:
    with EventSync(SYNC_WASM, simulator.known) as sync:
        yield sync


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
