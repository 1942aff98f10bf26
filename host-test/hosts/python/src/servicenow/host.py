"""The host: loads the component once and runs each call in a store of its own."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Self, TypeAlias, cast
from uuid import uuid4

from wasmtime import Config, Engine, Store, WasiConfig, WasmtimeError
from wasmtime.component import Linker, Variant

from . import convert
from .component import CREDENTIALS, INCIDENTS, load
from .credentials import Credentials
from .outcomes import (
    CreateOutcome,
    Error,
    Failure,
    GetOutcome,
    Reason,
    Retry,
    Timeout,
    UpdateOutcome,
    WriteHappened,
)

DEFAULT_TIMEOUT_MS = 5_000
"""The deadline of a call that names none."""

MAX_TIMEOUT_MS = 60_000
"""The longest deadline: ServiceNow cancels a REST transaction after 60 s itself."""

GRACE_MS = 50
"""Kept back from the deadline that the component is told, so that it can still name the outcome itself."""

TICK_MS = 10
"""How often a component that computes is interrupted to look at the clock."""

MAX_MEMORY = 128 * 1024 * 1024
"""The largest memory of the component, in bytes."""

RequestBody: TypeAlias = Mapping[str, str] | Sequence[tuple[str, str]] | str
"""The columns to write: names and values, or the text of a JSON object."""

_log = logging.getLogger("servicenow")


class ServiceNow:
    """The incident node. Calls may be made from any number of threads; use it as a context manager, or `close` it."""

    def __init__(self, component: str | Path, credentials: Credentials) -> None:
        config = Config()
        config.epoch_interruption = True
        self._engine = Engine(config)
        self._component = load(self._engine, Path(component))
        self._credentials = credentials
        self._closed = threading.Event()
        threading.Thread(target=self._tick, name="servicenow-clock", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops the clock. No call may be made afterwards."""
        self._closed.set()

    def _tick(self) -> None:
        while not self._closed.wait(TICK_MS / 1000):
            self._engine.increment_epoch()

    def create(
        self,
        authorization: str,
        instance: str,
        request_body: RequestBody,
        *,
        timeout_ms: int | None = None,
        correlation_id: str | None = None,
        input_display_values: bool = False,
        choice_check: str | None = None,
    ) -> CreateOutcome:
        """Creates an incident, of columns or of the text of a JSON object. Safe to repeat with the same correlation id;
        one is made where none is given."""
        key = correlation_id or uuid4().hex
        options = convert.record(
            correlation_id=key, input_display_values=input_display_values, choice_check=choice_check
        )
        call = _call(authorization, instance)
        outcome = self._run("create", call, timeout_ms, [_columns(request_body), options], key)
        return cast(CreateOutcome, outcome)

    def get(
        self, authorization: str, instance: str, kind: str, value: str, *, timeout_ms: int | None = None
    ) -> GetOutcome:
        """Gets an incident by its `number`, `sys_id` or `correlation_id`."""
        reference = convert.record(kind=kind, value=value)
        return cast(GetOutcome, self._run("get", _call(authorization, instance), timeout_ms, [reference]))

    def update(
        self,
        authorization: str,
        instance: str,
        sys_id: str,
        request_body: RequestBody,
        *,
        timeout_ms: int | None = None,
        input_display_values: bool = False,
        choice_check: str | None = None,
    ) -> UpdateOutcome:
        """Updates the columns given of one incident."""
        options = convert.record(input_display_values=input_display_values, choice_check=choice_check)
        parameters = [sys_id, _columns(request_body), options]
        return cast(
            UpdateOutcome, self._run("update", _call(authorization, instance), timeout_ms, parameters)
        )

    def _run(
        self, method: str, call: Any, timeout_ms: int | None, parameters: list[Any], key: str | None = None
    ) -> object:
        wish = DEFAULT_TIMEOUT_MS if timeout_ms is None else timeout_ms
        within_ms = min(wish, MAX_TIMEOUT_MS)
        setattr(call, "timeout-ms", max(within_ms - min(GRACE_MS, within_ms // 4), 0))
        deadline = monotonic() + within_ms / 1000
        ended: list[object] = []

        def work() -> None:
            ended.append(self._outcome(method, call, parameters, within_ms, deadline, key))

        # In a thread of its own: a component that waits cannot be interrupted, but nobody has to wait for it.
        worker = threading.Thread(target=work, name=f"servicenow-{method}", daemon=True)
        worker.start()
        worker.join(max(deadline - monotonic(), GRACE_MS / 1000))
        return ended[0] if ended else Timeout(_ended_by_host(method, Reason.DEADLINE, key))

    def _outcome(
        self, method: str, call: Any, parameters: list[Any], within_ms: int, deadline: float, key: str | None
    ) -> object:
        try:
            store, linker = self._store(call.authorization, within_ms)
            instance = linker.instantiate(store, self._component)
            interface = instance.get_export_index(store, INCIDENTS)
            index = instance.get_export_index(store, method, interface)
            function = None if index is None else instance.get_func(store, index)
            if function is None:
                raise WasmtimeError(f"the component does not export {INCIDENTS}#{method}")
            return convert.outcome(function(store, call, *parameters))
        except Exception as error:  # noqa: BLE001 - whatever ends it: a call has an outcome
            if monotonic() >= deadline:
                return Timeout(_ended_by_host(method, Reason.DEADLINE, key))
            # The first line says what happened; the others are addresses within the component.
            _log.warning("the component ended with a trap: %s", str(error).strip().partition("\n")[0])
            return Error(_ended_by_host(method, Reason.LIMIT, key))

    def _store(self, authorization: str, within_ms: int) -> tuple[Store, Linker]:
        store = Store(self._engine)
        store.set_wasi(WasiConfig())
        store.set_wasi_http()
        store.set_limits(memory_size=MAX_MEMORY)
        store.set_epoch_deadline(within_ms // TICK_MS + 1)
        linker = Linker(self._engine)
        linker.add_wasip2()
        linker.add_wasi_http()
        with linker.root() as root, root.add_instance(CREDENTIALS) as credentials:
            credentials.add_func("get", self._answer(authorization))
            credentials.add_func("refused", self._answer(authorization))
            credentials.add_func("verify-callback", lambda *_: False)
        return store, linker

    def _answer(self, authorization: str) -> Callable[[object, str], object]:
        """What the component is told, for the authorization of its call and no other."""

        def answer(_store: object, name: str) -> object:
            try:
                given = self._credentials(name) if name == authorization else None
            except Exception as error:  # noqa: BLE001 - it must not unwind through the component
                _log.warning("the credentials for %r raised %s", name, type(error).__name__)
                return Variant("unreachable", "denied-by-host")
            return Variant("unknown-authorization") if given is None else convert.granted(given)

        return answer


def _call(authorization: str, instance: str) -> Any:
    return convert.record(authorization=authorization, instance=instance, timeout_ms=None)


def _columns(request_body: RequestBody) -> str | list[tuple[str, str]]:
    if isinstance(request_body, str):
        return request_body
    return list(request_body.items() if isinstance(request_body, Mapping) else request_body)


def _ended_by_host(method: str, reason: Reason, key: str | None) -> Failure:
    """The failure of a call that was cut off: this engine does not tell what had left by then."""
    reads = method == "get"
    return Failure(
        status=None,
        reason=reason,
        message="the host ended the call",
        detail=None,
        retry=Retry.LATER if reads else Retry.LOOK_UP_FIRST,
        retry_after_ms=None,
        write_happened=WriteHappened.NO if reads else WriteHappened.UNKNOWN,
        correlation_id=key,
    )
