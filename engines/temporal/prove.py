"""Kills workers, and counts what ServiceNow has at the end: `python prove.py [--workflows 200] [--kills 10]`.

Each workflow opens an incident, changes it and notes something. Meanwhile their worker is killed again and again, each
time while the instance has written something that it has not answered yet. In the end every workflow has ended, there
is one incident for each, every change is in it, and each note is in it once or was told as `may-be-twice`.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from incident import Alert
from servicenow_temporal.repeats import Note
from tests.conftest import COMPONENT, TEMPORAL, Simulator, leave, started
from worker import TASK_QUEUE

HERE = Path(__file__).resolve().parent

ANSWER_MS = 400
"""An answer follows its write after so long. A worker is killed meanwhile."""

LOOK = 0.02
"""The simulator is asked for its requests after so many seconds."""

WRITES = (b"POST /api/now/table/", b"PATCH /api/now/table/")


class Worker:
    """A worker that is killed and started again."""

    def __init__(self, simulator: Simulator, address: str) -> None:
        given = {
            "SERVICENOW_COMPONENT": str(COMPONENT),
            "SERVICENOW_ORIGIN": simulator.base_url,
            "SERVICENOW_CLIENT_ID": simulator.client_id,
            "SERVICENOW_CLIENT_SECRET": simulator.client_secret,
            "TEMPORAL_ADDRESS": address,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        self._environment = {**os.environ, **given}
        self._process: asyncio.subprocess.Process | None = None
        self.log = b""

    async def start(self) -> None:
        """Starts it, and waits until it takes work."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "worker.py",
            cwd=HERE,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        while (line := await self._process.stdout.readline()) != b"ready\n":
            self.log += line
            if not line:
                raise SystemExit(f"the worker did not start:\n{self.log.decode()}")

    async def kill(self) -> None:
        """Ends it with SIGKILL."""
        assert self._process is not None and self._process.stdout is not None
        self._process.kill()
        self.log += await self._process.stdout.read()
        await self._process.wait()


@dataclass
class Killed:
    """What the kills met."""

    kills: int = 0
    unanswered: int = 0
    """Writes that were made and not answered when their worker was killed."""


def written(simulator: Simulator) -> int:
    """How many writes arrived so far."""
    requests = simulator.ask("requests")
    return sum(requests.count(write) for write in WRITES)


async def kill_often(simulator: Simulator, worker: Worker, kills: int, killed: Killed) -> None:
    """Kills the worker at a few writes of each of its lives."""
    chance = random.Random(kills)
    while killed.kills < kills:
        seen = [written(simulator)]
        aim = seen[0] + chance.randint(2, 20)
        while seen[-1] < aim:
            await asyncio.sleep(LOOK)
            seen.append(written(simulator))
        await worker.kill()
        looks = int(ANSWER_MS / 1000 / LOOK / 2)
        killed.kills += 1
        killed.unanswered += seen[-1] - seen[max(-looks, -len(seen))]
        await worker.start()


async def prove(client: Client, simulator: Simulator, workflows: int, kills: int) -> bool:
    """Runs all of it, and prints what came of it."""
    effect = {"commit-then-delay": {"ms": ANSWER_MS}}
    for method in ("POST", "PATCH"):
        simulator.fault(method=method, path="/api/now/table/", times=1_000_000, effect=effect)
    worker, killed, began = (
        Worker(simulator, client.service_client.config.target_host),
        Killed(),
        perf_counter(),
    )
    await worker.start()
    try:
        names = [f"proof {number}" for number in range(workflows)]
        handles = [
            await client.start_workflow(
                "Incident",
                Alert(simulator.base_url, name, f"Note of {name}."),
                id=name,
                task_queue=TASK_QUEUE,
            )
            for name in names
        ]
        ended = asyncio.gather(*(handle.result() for handle in handles), return_exceptions=True)
        await kill_often(simulator, worker, kills, killed)
        results: list[Any] = await ended
    finally:
        await worker.kill()
    report = counted(simulator, names, results)
    print(
        json.dumps(
            {"kills": killed.kills, "writes_unanswered_at_kills": killed.unanswered, **report}, indent=2
        )
    )
    print(f"{perf_counter() - began:.0f} s")
    secret_is_kept = simulator.client_secret.encode() not in worker.log
    return secret_is_kept and killed.kills >= kills and killed.unanswered > 0 and is_right(report, workflows)


def counted(simulator: Simulator, names: list[str], results: list[Any]) -> dict[str, Any]:
    """What the workflows say, and what ServiceNow has."""
    tables = simulator.tables()
    incidents = {
        name: [row for row in tables["incident"] if row["short_description"] == name] for name in names
    }
    texts = Counter(row["value"] for row in tables["sys_journal_field"])
    ends = [result if isinstance(result, dict) else {} for result in results]
    notes = [end.get("notes", {}).get("work_notes") for end in ends]
    times = [texts[f"Note of {name}."] for name in names]
    untold = sum(count != 1 and note != Note.MAY_BE_TWICE for count, note in zip(times, notes, strict=True))
    return {
        "workflows_ended": sum(bool(end) for end in ends),
        "incidents": sum(map(len, incidents.values())),
        "workflows_with_one_incident": sum(len(rows) == 1 for rows in incidents.values()),
        "creates": Counter(str(end.get("made")) for end in ends),
        "updates_kept": sum(
            rows[0]["urgency"] == rows[0]["impact"] == "1" for rows in incidents.values() if rows
        ),
        "notes": Counter(map(str, notes)),
        "notes_missing": sum(count == 0 for count in times),
        "notes_twice": sum(count > 1 for count in times),
        "notes_twice_and_not_told": untold,
    }


def is_right(report: dict[str, Any], workflows: int) -> bool:
    """Whether nothing was lost, and nothing made twice."""
    complete = ("workflows_ended", "incidents", "workflows_with_one_incident", "updates_kept")
    none = ("notes_missing", "notes_twice_and_not_told")
    return all(report[name] == workflows for name in complete) and all(report[name] == 0 for name in none)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--workflows", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    given = parser.parse_args()
    process, simulator = started()
    try:
        server = WorkflowEnvironment.start_local(
            dev_server_existing_path=str(TEMPORAL), dev_server_log_level="never"
        )
        async with await server as environment:
            is_proven = await prove(environment.client, simulator, given.workflows, given.kills)
    finally:
        process.terminate()
    if not is_proven:
        print("something was lost, made twice, or not put to the test", file=sys.stderr)
        leave(1)


if __name__ == "__main__":
    asyncio.run(main())
    leave(0)
