"""The node's methods as activities: `servicenow.create`, `servicenow.get` and whatever else its manifest has."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, TypeAlias

from temporalio import activity
from temporalio.exceptions import ApplicationError

from servicenow import AsyncServiceNow
from servicenow.outcomes import Error, GetIncidentSuccess, IncidentUpdateFailure, Timeout
from servicenow.records import Diagnosis, Failure, Method, Retry, WriteHappened

from .repeats import columns, confirmed, first, has_notes, repeated

Inputs: TypeAlias = dict[str, Any]
"""The inputs of a method, by their names in the manifest."""

Result: TypeAlias = dict[str, Any]
"""What the method's first outcome holds."""

Activity: TypeAlias = Callable[[Any], Awaitable[Result]]

MARGIN = timedelta(milliseconds=500)
"""A call ends so long before its activity does: its outcome has to reach the server."""

LONGEST = timedelta(seconds=60)
"""The longest deadline of a call."""

BEATS = 3
"""Heartbeats in the time within which Temporal expects one."""


async def servicenow_activities(node: AsyncServiceNow) -> list[Activity]:
    """An activity for each method, which takes its inputs as one object. It returns what the method's first outcome
    holds. Each other outcome is an `ApplicationError`: its type is the outcome's name, its details are what the
    outcome holds, and it is repeated as the outcome advises."""
    manifest = await node.describe()
    return [_activity(node, method) for method in manifest.methods]


def _activity(node: AsyncServiceNow, method: Method) -> Activity:
    name = f"servicenow.{method.name}"
    takes = [taken.name for taken in method.inputs]
    call = getattr(node, method.name)

    @activity.defn(name=name)
    async def run(inputs: Any) -> Result:
        _check(name, method, inputs)
        info = activity.info()
        inputs = {**inputs, "timeout_ms": _timeout_ms(inputs.get("timeout_ms"), info)}
        if "request_body" in inputs:
            inputs["request_body"] = _body(inputs["request_body"])
        if "correlation_id" in takes and "correlation_id" not in columns(inputs["request_body"]):
            inputs["correlation_id"] = inputs.get("correlation_id") or _key(info)
        async with _beating(info.heartbeat_timeout):
            if method.name == "update" and has_notes(inputs["request_body"]):
                return await _update_with_notes(node, method, inputs, info)
            return _result(method, await call(**inputs), info)

    return run


async def _update_with_notes(
    node: AsyncServiceNow, method: Method, inputs: Inputs, info: activity.Info
) -> Result:
    """An update that appends to a journal: what an earlier attempt may have appended is looked for first."""
    given = inputs["request_body"]
    body = columns(given)
    if _is_unwritten(info):
        return {**_result(method, await node.update(**inputs), info), "notes": first(body).notes}
    began = monotonic()
    known = {name: inputs[name] for name in ("authorization", "instance", "timeout_ms")}
    read = await node.get(**known, kind="sys_id", value=inputs["sys_id"])
    failure = getattr(read, "failure", None)
    if failure is not None and failure.retry is Retry.LATER:
        told = read if isinstance(read, (Timeout, Error)) else IncidentUpdateFailure(failure)
        return _result(method, told, info)
    incident = read.incident if isinstance(read, GetIncidentSuccess) else None
    update = repeated(body, incident)
    if incident is not None and not update.body:
        return {**asdict(confirmed(incident, body)), "notes": update.notes}
    left = json.dumps(update.body) if isinstance(given, str) else update.body
    inputs = {**inputs, "request_body": left}
    if isinstance(inputs["timeout_ms"], int):
        # Both calls have the time of one.
        inputs["timeout_ms"] = max(inputs["timeout_ms"] - int((monotonic() - began) * 1000), 1)
    return {**_result(method, await node.update(**inputs), info), "notes": update.notes}


def _check(name: str, method: Method, inputs: Any) -> None:
    """Refuses an input that the method does not have, and the want of one that it needs."""
    if not isinstance(inputs, dict):
        given = f"{name}: given {type(inputs).__name__}, expected one object of the method's inputs"
        raise ApplicationError(given, type="invalid-data", non_retryable=True)
    known = [taken.name for taken in method.inputs]
    wrong = [
        f"{given} is none of its inputs, which are {', '.join(known)}"
        for given in inputs
        if given not in known
    ]
    wrong += [
        f"{taken.name} is missing: {taken.description}"
        for taken in method.inputs
        if taken.required and taken.name not in inputs
    ]
    if wrong:
        raise ApplicationError(f"{name}: {'; '.join(wrong)}", type="invalid-data", non_retryable=True)


def _result(method: Method, outcome: Any, info: activity.Info) -> Result:
    """What an outcome holds where it is the method's first, and otherwise the error of its name."""
    held: Any = getattr(outcome, fields(outcome)[0].name)
    case = re.sub(r"(?<!^)(?=[A-Z])", "-", type(outcome).__name__).lower()
    if case == method.outcomes[0].case_name:
        return (
            {method.outputs[0].name: [asdict(one) for one in held]}
            if isinstance(held, list)
            else asdict(held)
        )
    failure = held.failure if isinstance(held, Diagnosis) else held
    if not isinstance(failure, Failure):
        wrong = "; ".join(f"{one.field}: given {one.given}, expected {one.expected}" for one in failure)
        raise ApplicationError(wrong, [asdict(one) for one in failure], type=case, non_retryable=True)
    if _writes(method) and failure.write_happened is WriteHappened.NO:
        if _is_unwritten(info):
            activity.heartbeat({"attempt": info.attempt, "unwritten": True})
        else:
            failure = held = _in_doubt(failure)
    wait = failure.retry_after_ms
    raise ApplicationError(
        failure.message,
        asdict(held),
        type=case,
        non_retryable=failure.retry is Retry.NEVER,
        next_retry_delay=None if wait is None else timedelta(milliseconds=wait),
    )


def _writes(method: Method) -> bool:
    return any(taken.name == "request_body" for taken in method.inputs)


def _in_doubt(failure: Failure) -> Failure:
    """The failure of an attempt that wrote nothing, after one that may have: the error is of the activity."""
    return replace(
        failure,
        message=f"{failure.message}; an earlier attempt may have written",
        write_happened=WriteHappened.UNKNOWN,
        retry=failure.retry if failure.retry is Retry.NEVER else Retry.LOOK_UP_FIRST,
    )


def _is_unwritten(info: activity.Info) -> bool:
    """Whether it is certain that no attempt before this one wrote: there was none, or the last of them said so before
    it ended. An activity that an operator reset counts its attempts anew, and keeps the time it was scheduled at."""
    if info.is_local:
        # One that is lost with its worker begins again at its first attempt.
        return False
    said = [said for said in info.heartbeat_details if isinstance(said, dict)]
    is_first = info.attempt == 1 and info.scheduled_time == info.current_attempt_scheduled_time
    return is_first or {"attempt": info.attempt - 1, "unwritten": True} in said


def _body(given: Any) -> Any:
    """A request body as the host takes it: JSON has no pairs, only lists of two."""
    if not isinstance(given, list):
        return given
    return [tuple(pair) if isinstance(pair, list) else pair for pair in given]


def _timeout_ms(asked: Any, info: activity.Info) -> Any:
    """The deadline of a call: what was asked for, and no more than its attempt and all attempts have."""
    attempt = info.start_to_close_timeout or LONGEST + MARGIN
    whole = info.schedule_to_close_timeout
    left = attempt if whole is None else info.scheduled_time + whole - datetime.now(UTC)
    longest = min(min(attempt, left) - MARGIN, LONGEST)
    longest_ms = max(int(longest / timedelta(milliseconds=1)), 1)
    if asked is None:
        return longest_ms
    return min(asked, longest_ms) if isinstance(asked, int) else asked


def _key(info: activity.Info) -> str:
    """What makes a create the same one in each attempt, and another one in each run of its workflow, or of itself
    where it has none."""
    return f"{info.workflow_run_id or info.activity_run_id}/{info.activity_id}"


@asynccontextmanager
async def _beating(within: timedelta | None) -> AsyncIterator[None]:
    """Sends heartbeats, by which Temporal sees that the worker lives, and tells it of a cancellation."""

    async def beat(every: float) -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(every)

    beats = asyncio.create_task(beat(within.total_seconds() / BEATS)) if within else None
    try:
        yield
    finally:
        if beats is not None:
            beats.cancel()
