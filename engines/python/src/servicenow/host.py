"""The host: loads the component once and runs each call in a store of its own."""

import logging
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Self, TypeAlias, cast
from uuid import uuid4

from wasmtime import Config, Engine, Store, WasiConfig, WasmtimeError
from wasmtime.component import Linker, Variant

from . import convert
from .component import CREDENTIALS, INCIDENTS, load
from .credentials import Credentials
from .inputs import is_credential, names_correlation_id, violations
from .outcomes import (
    CreateOutcome,
    Error,
    Failure,
    GetOutcome,
    InvalidData,
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
        # It holds nothing of this object, so that one that is forgotten goes, and the clock with it.
        clock = threading.Thread(
            target=_tick, args=(self._engine, self._closed), name="servicenow-clock", daemon=True
        )
        weakref.finalize(self, self._closed.set)
        clock.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops the clock. Calls that are made afterwards end in an error."""
        self._closed.set()

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
        wrong = violations(
            timeout_ms=timeout_ms,
            texts={"authorization": authorization, "instance": instance},
            optional_texts={"correlation_id": correlation_id, "choice_check": choice_check},
            request_body=request_body,
            input_display_values=input_display_values,
        )
        if wrong:
            return InvalidData(wrong)
        key = correlation_id
        if key is None and not names_correlation_id(request_body):
            key = uuid4().hex
        options = convert.record(
            correlation_id=key, input_display_values=input_display_values, choice_check=choice_check
        )
        parameters = [_columns(request_body), options]
        return cast(
            CreateOutcome, self._run(_Call("create", authorization, instance, key), timeout_ms, parameters)
        )

    def get(
        self, authorization: str, instance: str, kind: str, value: str, *, timeout_ms: int | None = None
    ) -> GetOutcome:
        """Gets an incident by its `number`, `sys_id` or `correlation_id`."""
        texts = {"authorization": authorization, "instance": instance, "kind": kind, "value": value}
        if wrong := violations(timeout_ms=timeout_ms, texts=texts):
            return InvalidData(wrong)
        reference = convert.record(kind=kind, value=value)
        return cast(GetOutcome, self._run(_Call("get", authorization, instance), timeout_ms, [reference]))

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
        wrong = violations(
            timeout_ms=timeout_ms,
            texts={"authorization": authorization, "instance": instance, "sys_id": sys_id},
            optional_texts={"choice_check": choice_check},
            request_body=request_body,
            input_display_values=input_display_values,
        )
        if wrong:
            return InvalidData(wrong)
        options = convert.record(input_display_values=input_display_values, choice_check=choice_check)
        parameters = [sys_id, _columns(request_body), options]
        return cast(
            UpdateOutcome, self._run(_Call("update", authorization, instance), timeout_ms, parameters)
        )

    def _run(self, call: "_Call", timeout_ms: int | None, parameters: list[Any]) -> object:
        if self._closed.is_set():
            return Error(call.ended(Reason.DENIED_BY_HOST, "the host was closed"))
        within_ms = min(DEFAULT_TIMEOUT_MS if timeout_ms is None else timeout_ms, MAX_TIMEOUT_MS)
        deadline = monotonic() + within_ms / 1000
        ended: list[object] = []

        def work() -> None:
            ended.append(self._outcome(call, parameters, within_ms, deadline))

        # In a thread of its own: a component that waits cannot be interrupted, but nobody has to wait for it.
        worker = threading.Thread(target=work, name=f"servicenow-{call.method}", daemon=True)
        worker.start()
        worker.join(max(deadline - monotonic(), 0))
        return (
            ended[0]
            if ended
            else Timeout(call.ended(Reason.DEADLINE, "the host ended the call at its deadline"))
        )

    def _outcome(self, call: "_Call", parameters: list[Any], within_ms: int, deadline: float) -> object:
        try:
            store, linker = self._store(call, within_ms)
            instance = linker.instantiate(store, self._component)
            interface = instance.get_export_index(store, INCIDENTS)
            index = instance.get_export_index(store, call.method, interface)
            function = None if index is None else instance.get_func(store, index)
            if function is None:
                raise WasmtimeError(f"the component does not export {INCIDENTS}#{call.method}")
            left_ms = max(int((deadline - monotonic()) * 1000), 1)
            told = convert.record(
                authorization=call.authorization,
                instance=call.instance,
                timeout_ms=max(left_ms - min(GRACE_MS, left_ms // 4), 1),
            )
            return convert.outcome(function(store, told, *parameters))
        except BaseException as error:  # noqa: BLE001 - whatever ends it: a call has an outcome
            if monotonic() >= deadline:
                return Timeout(call.ended(Reason.DEADLINE, "the host ended the call at its deadline"))
            _log.warning("the component ended with a trap: %s", _cause(error))
            return Error(
                call.ended(
                    Reason.LIMIT, "the component ended with a trap or ran into a limit; the log says which"
                )
            )

    def _store(self, call: "_Call", within_ms: int) -> tuple[Store, Linker]:
        store = Store(self._engine)
        store.set_wasi(WasiConfig())
        store.set_wasi_http()
        store.set_limits(memory_size=MAX_MEMORY)
        store.set_epoch_deadline(within_ms // TICK_MS + 1)
        linker = Linker(self._engine)
        linker.add_wasip2()
        linker.add_wasi_http()
        with linker.root() as root, root.add_instance(CREDENTIALS) as credentials:
            credentials.add_func("get", self._answer(call))
            credentials.add_func("refused", self._answer(call))
            credentials.add_func("verify-callback", lambda *_: False)
        return store, linker

    def _answer(self, call: "_Call") -> Callable[[object, str], object]:
        """What the component is told, for the authorization of its call and no other."""

        def answer(_store: object, name: str) -> object:
            if name != call.authorization:
                return Variant("unknown-authorization")
            try:
                given: object = self._credentials(name)
            except BaseException as error:  # noqa: BLE001 - it must not unwind through the component
                _log.warning("the credentials for %r raised %s", name, type(error).__name__)
                return Variant("unreachable", "denied-by-host")
            if given is None:
                return Variant("unknown-authorization")
            if not is_credential(given):
                _log.warning("the credentials for %r returned no credential", name)
                return Variant("unreachable", "denied-by-host")
            call.may_have_sent = True
            return convert.granted(given)

        return answer


def _tick(engine: Engine, closed: threading.Event) -> None:
    while not closed.wait(TICK_MS / 1000):
        engine.increment_epoch()


def _cause(error: BaseException) -> str:
    """What happened, without the addresses within the component: the last line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


@dataclass
class _Call:
    """One call, and what is known of it while it runs."""

    method: str
    authorization: str
    instance: str
    key: str | None = None
    may_have_sent: bool = False
    """Without a credential nothing is sent."""

    def ended(self, reason: Reason, message: str) -> Failure:
        """The failure of a call that was cut off: this engine does not tell what had left by then."""
        in_doubt = self.may_have_sent and self.method != "get"
        return Failure(
            status=None,
            reason=reason,
            message=message,
            detail=None,
            retry=Retry.LOOK_UP_FIRST
            if in_doubt
            else Retry.LATER
            if reason is Reason.DEADLINE
            else Retry.NEVER,
            retry_after_ms=None,
            write_happened=WriteHappened.UNKNOWN if in_doubt else WriteHappened.NO,
            correlation_id=self.key,
        )


def _columns(request_body: RequestBody) -> str | list[tuple[str, str]]:
    if isinstance(request_body, str):
        return request_body
    return list(request_body.items() if isinstance(request_body, Mapping) else request_body)
