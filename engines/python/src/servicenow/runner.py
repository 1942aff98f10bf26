"""Runs calls: each in a store of its own and in a thread of its own, so that nobody waits longer than its
deadline."""

import logging
import os
import threading
import weakref
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar, cast

from wasmtime import Config, Engine, Store, WasmtimeError
from wasmtime.component import Component

from .calls import Call
from .component import World, exported, load
from .imports import Imports
from .outcomes import Error, InvalidData, Timeout
from .plans import Plan
from .records import Reason
from .remembered import Remembered
from .threads import in_thread
from .values import Function

DEFAULT_TIMEOUT_MS = 5_000
"""The deadline of a call that names none."""

MAX_TIMEOUT_MS = 60_000
"""The longest deadline: ServiceNow cancels a REST transaction after 60 s itself."""

GRACE_MS = 50
"""Kept back from the deadline that the component is told, so that it can still name the outcome itself."""

COMPUTE_MS = 5_000
"""How long a function may take that needs no network."""

TICK_MS = 10
"""How often a component that computes is interrupted to look at the clock."""

MAX_MEMORY = 128 * 1024 * 1024
"""The largest memory of the component, in bytes."""

_log = logging.getLogger("servicenow")

T = TypeVar("T")


class ComponentFailed(Exception):
    """The component does not keep to its world, or to its limits, in a function that has no outcome for
    that."""


class Runner:
    """A component that is loaded, and the calls that run in it."""

    def __init__(self, component: Path, world: World, imports: Imports) -> None:
        config = Config()
        config.epoch_interruption = True
        self.imports = imports
        self._process = os.getpid()
        self._engine = Engine(config)
        self._component: Component = load(self._engine, component, world)
        self._linker = imports.linker(self._engine, self._component)
        self._functions: dict[tuple[str, str], Function] = {}
        # It holds nothing of this object, so that one that is forgotten goes, and the clock with it.
        clock = threading.Thread(
            target=_tick, args=(self._engine, imports.closed), name="servicenow-clock", daemon=True
        )
        weakref.finalize(self, imports.closed.set)
        clock.start()

    def run(self, plan: Plan[T], remembered: Remembered | None = None) -> T:
        """Makes a call. It returns at its deadline, whatever happens."""
        return self.finish(*self.start(plan, remembered))

    def finish(self, call: Call, future: "Future[T]") -> T:
        """Waits for a call until its deadline."""
        try:
            return future.result(max(call.deadline - monotonic(), 0))
        except NotYet:
            return cast(T, self.late(call))

    def start(self, plan: Plan[T], remembered: Remembered | None = None) -> tuple[Call, "Future[T]"]:
        """Begins a call."""
        within_ms = DEFAULT_TIMEOUT_MS
        if not plan.violations and plan.timeout_ms is not None:
            within_ms = min(plan.timeout_ms, MAX_TIMEOUT_MS)
        call = Call(plan, monotonic() + within_ms / 1000, remembered)
        return call, in_thread(lambda: cast(T, self._outcome(call)))

    def give_up(self, call: Call) -> None:
        """Has a call send nothing any more."""
        with call.lock:
            call.deadline = min(call.deadline, monotonic())

    def late(self, call: Call) -> Any:
        """The outcome of a call that did not end in time."""
        with call.lock:
            return Timeout(call.ended(Reason.DEADLINE, "the host ended the call at its deadline"))

    def compute(self, plan: Plan[T], remembered: Remembered | None = None, **known: Any) -> tuple[T, Call]:
        """Calls a function that needs no network, in this thread."""
        call = Call(plan, monotonic() + COMPUTE_MS / 1000, remembered, **known)
        if (why := self._unusable()) is not None:
            raise ComponentFailed(why)
        if plan.violations:
            return cast(T, InvalidData(plan.violations)), call
        try:
            return cast(T, self._call(call, plan.parameters)), call
        except Exception as error:  # noqa: BLE001 - whatever ends it
            raise ComponentFailed(call.refused or _cause(error)) from None

    def _unusable(self) -> str | None:
        if self.imports.closed.is_set():
            return "the host was closed"
        # Its connections, its clock and its fetches belong to the process that made it.
        return None if os.getpid() == self._process else "the process was forked: make a host in each"

    def _outcome(self, call: Call) -> object:
        plan = call.plan
        if (why := self._unusable()) is not None:
            return Error(call.ended(Reason.DENIED_BY_HOST, why))
        if plan.violations:
            return InvalidData(plan.violations)
        try:
            if not plan.writes or call.remembered is None:
                return self._invoke(call)
            with call.remembered.writing(2 * (call.deadline - monotonic())):
                return self._invoke(call)
        except BaseException as error:  # noqa: BLE001 - whatever ends it: a call has an outcome
            if monotonic() >= call.deadline:
                return self.late(call)
            if call.refused is not None:
                return Error(call.ended(Reason.LIMIT, call.refused))
            if not isinstance(error, WasmtimeError) and call.remembered is not None and not call.wrote:
                refused = f"the ledger cannot be used: {type(error).__name__}"
                return Error(call.ended(Reason.LIMIT, refused))
            _log.warning("the component ended with a trap: %s", call.struck(_cause(error)))
            told = "the component ended with a trap or ran into a limit; the log says which"
            return Error(call.ended(Reason.LIMIT, told))

    def _invoke(self, call: Call) -> object:
        left_ms = max(int((call.deadline - monotonic()) * 1000), 1)
        told = {
            "authorization": call.plan.authorization,
            "instance": call.plan.instance,
            "timeout_ms": max(left_ms - min(GRACE_MS, left_ms // 4), 1),
        }
        return self._call(call, (told, *call.plan.parameters))

    def _call(self, call: Call, parameters: tuple[Any, ...]) -> object:
        store = Store(self._engine)
        store.set_limits(memory_size=MAX_MEMORY)
        left_ms = max(int((call.deadline - monotonic()) * 1000), 0)
        # The first tick may come at once, and a trap before the deadline would be told as one.
        store.set_epoch_deadline(left_ms // TICK_MS + 2)
        self.imports.enter(call)
        with self.imports.turn.taken():
            instance = self._linker.instantiate(store, self._component)
            return self._function(call.plan)(store, instance, parameters)

    def _function(self, plan: Plan[Any]) -> Function:
        name = (plan.interface, plan.function)
        found = self._functions.get(name)
        if found is None:
            found = self._functions[name] = exported(self._engine, self._component, *name, plan.returns)
        return found


def _tick(engine: Engine, closed: threading.Event) -> None:
    while not closed.wait(TICK_MS / 1000):
        engine.increment_epoch()


def _cause(error: BaseException) -> str:
    """What happened, without the addresses within the component: the last line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
