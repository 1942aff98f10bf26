"""A simulator, Temporal's development server, and a worker in this process, for all tests."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.request import Request, urlopen

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
HOST_TEST = os.environ.get("HOST_TEST", str(ROOT / "target/debug/host-test"))
DIST = Path(os.environ.get("SERVICENOW_DIST", str(ROOT / "dist")))
COMPONENT = DIST / "servicenow-over-transport.wasm"
TEMPORAL = Path(sys.executable).with_name("temporal")


@dataclass(frozen=True)
class Simulator:
    """A running simulator."""

    base_url: str
    client_id: str
    client_secret: str
    username: str
    password: str

    def ask(self, path: str, method: str = "GET", body: Any = None) -> bytes:
        """Asks it for what is not ServiceNow's."""
        text = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.base_url}/simulator/{path}", text, method=method)) as answer:
            data: bytes = answer.read()
            return data

    def fault(self, **fault: Any) -> None:
        """Lets something go wrong."""
        self.ask("faults", "POST", fault)

    def tables(self) -> dict[str, list[dict[str, str]]]:
        """What it holds."""
        tables: dict[str, list[dict[str, str]]] = json.loads(self.ask("snapshot"))
        return tables


def started() -> tuple[subprocess.Popen[str], Simulator]:
    """A process with a simulator."""
    process = subprocess.Popen([HOST_TEST, "simulator"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    access = json.loads(process.stdout.readline())
    names = ["base_url", "client_id", "client_secret", "username", "password"]
    return process, Simulator(**{name: access[name] for name in names})


def leave(code: int) -> NoReturn:
    """Ends this process at once. The SDK's threads may still call into an interpreter that shuts down, which then
    aborts, whatever came before."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    leave(config.stash.get(STATUS, 1))


STATUS = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    process, simulator = started()
    with process:
        try:
            yield simulator
        finally:
            process.terminate()


@pytest.fixture(autouse=True)
def healed(simulator: Simulator) -> Iterator[None]:
    yield
    simulator.ask("faults", "DELETE")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Temporal keeps what it knows."""
    return tmp_path_factory.mktemp("temporal") / "temporal.db"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def client(store: Path) -> AsyncIterator[Client]:
    environment = WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL),
        dev_server_database_filename=str(store),
        dev_server_log_level="never",
    )
    async with await environment as started:
        yield started.client
