"""A simulator, and servers for agents on it."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
HOST_TEST = os.environ.get("HOST_TEST", str(HERE.parents[1] / "target/debug/host-test"))


@dataclass(frozen=True)
class Simulator:
    """A running simulator."""

    base_url: str
    client_secret: str
    password: str
    authorizations: Path

    def server(self, *more: str) -> list[str]:
        """The command of a server for it, without the program."""
        target = ["--instance", self.base_url, "--authorization", "main"]
        return ["mcp", *target, "--authorizations", str(self.authorizations), "--allow-writes", *more]


@dataclass(frozen=True)
class Listening:
    """A server that listens."""

    url: str
    token: str | None


@contextmanager
def running(simulator: Simulator, *more: str) -> Iterator[Listening]:
    """A server over HTTP."""
    command = [HOST_TEST, *simulator.server("--listen", "127.0.0.1:0", *more)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Listening(**json.loads(process.stdout.readline()))
        finally:
            process.terminate()


@contextmanager
def simulated(folder: Path) -> Iterator[Simulator]:
    """A simulator with an authorizations file."""
    authorizations = folder / "authorizations.toml"
    command = [HOST_TEST, "simulator", "--authorizations-file", str(authorizations)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        access = json.loads(process.stdout.readline())
        try:
            yield Simulator(access["base_url"], access["client_secret"], access["password"], authorizations)
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulated(tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def listening(simulator: Simulator) -> Iterator[Listening]:
    with running(simulator) as listening:
        yield listening


@pytest.fixture(scope="session")
def open_to_all(simulator: Simulator) -> Iterator[Listening]:
    """A server that asks for no token: the conformance suite has none to give."""
    with running(simulator, "--no-token") as listening:
        yield listening
