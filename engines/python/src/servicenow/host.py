"""The hosts: the incident node and event sync, for threads and for asyncio."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from functools import wraps
from pathlib import Path
from time import monotonic
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from . import plans
from .authorizations import Authorizations
from .component import NODE, SYNC, World
from .events import Deliveries
from .http import Transport, Urllib3Transport
from .imports import Imports
from .ledger import Ledger, MemoryLedger
from .outcomes import ChangesOutcome, Items, PushOutcome, Verdict
from .plans import EVERYTHING, Document, Plan, Selection
from .policy import EVENT_CALLS, INCIDENT_CALLS, calls
from .records import Change
from .remembered import Remembered
from .runner import Runner
from .threads import in_thread

P = ParamSpec("P")
T = TypeVar("T")


class _Host:
    """A component, its authorizations and its way out. Calls may be made from any number of threads; use it
    as a context manager, or `close` it."""

    def __init__(
        self,
        component: str | Path,
        world: World,
        authorizations: Authorizations,
        transport: Transport | None,
        allowed_calls: Iterable[str],
    ) -> None:
        self._transport: Transport = transport or Urllib3Transport()
        self._owns_transport = transport is None
        imports = Imports(authorizations, self._transport, calls(allowed_calls))
        self._runner = Runner(Path(component), world, imports)

    def close(self) -> None:
        """Ends what waits. Calls that are made afterwards end in an error."""
        self._runner.imports.closed.set()
        if self._owns_transport:
            self._transport.close()

    def _remembered(self, plan: Plan[Any]) -> Remembered | None:
        return None

    def _run(self, plan: Plan[T]) -> T:
        if plan.is_local:
            return self._runner.compute(plan)[0]
        return self._runner.run(plan, self._remembered(plan))

    async def _await(self, plan: Plan[T]) -> T:
        if plan.is_local:
            return self._runner.compute(plan)[0]
        call, future = self._runner.start(plan, self._remembered(plan))
        left = call.deadline - monotonic()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), max(left, 0))
        except TimeoutError:
            return self._runner.late(call)  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            self._runner.give_up(call)
            raise


class _Blocking(_Host):
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Awaited(_Host):
    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


def _blocking(plan: Callable[P, Plan[T]]) -> Callable[Concatenate[_Host, P], T]:
    @wraps(plan)
    def method(self: _Host, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(plan(*args, **kwargs))

    return method


def _awaited(plan: Callable[P, Plan[T]]) -> Callable[Concatenate[_Host, P], Coroutine[None, None, T]]:
    @wraps(plan)
    async def method(self: _Host, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._await(plan(*args, **kwargs))

    return method


class _Node(_Host):
    def __init__(
        self,
        component: str | Path,
        authorizations: Authorizations,
        *,
        transport: Transport | None = None,
        allowed_calls: Iterable[str] = INCIDENT_CALLS,
    ) -> None:
        super().__init__(component, NODE, authorizations, transport, allowed_calls)


class ServiceNow(_Node, _Blocking):
    """The incident node."""

    create = _blocking(plans.create)
    get = _blocking(plans.get)
    update = _blocking(plans.update)
    find = _blocking(plans.find)
    columns = _blocking(plans.columns)
    authenticate = _blocking(plans.authenticate)
    describe = _blocking(plans.describe)


class AsyncServiceNow(_Node, _Awaited):
    """The incident node for asyncio."""

    create = _awaited(plans.create)
    get = _awaited(plans.get)
    update = _awaited(plans.update)
    find = _awaited(plans.find)
    columns = _awaited(plans.columns)
    authenticate = _awaited(plans.authenticate)
    describe = _awaited(plans.describe)


class _Sync(_Host):
    def __init__(
        self,
        component: str | Path,
        authorizations: Authorizations,
        ledger: Ledger | None = None,
        *,
        transport: Transport | None = None,
        allowed_calls: Iterable[str] = EVENT_CALLS,
    ) -> None:
        super().__init__(component, SYNC, authorizations, transport, allowed_calls)
        self._ledger: Ledger = ledger or MemoryLedger()
        self._deliveries = Deliveries(self._runner, self._ledger)

    def _remembered(self, plan: Plan[Any]) -> Remembered | None:
        return Remembered(self._ledger, plan.authorization)


class EventSync(_Sync, _Blocking):
    """Two-way event sync. What it must remember between calls is in the ledger."""

    push = _blocking(plans.push)
    preview = _blocking(plans.preview)
    items = _blocking(plans.items)
    paths = _blocking(plans.paths)

    def push_each(
        self,
        authorization: str,
        instance: str,
        rules: Document,
        event: Document,
        *,
        manual: bool = False,
        timeout_ms: int | None = None,
    ) -> Iterator[PushOutcome]:
        """Pushes each event that an event holds, one after the other, and yields each outcome as it comes. Each
        has the deadline for itself."""
        split = self.items(rules, event)
        if not isinstance(split, Items):
            yield split
            return
        for one in split.texts:
            yield self.push(authorization, instance, rules, one, manual=manual, timeout_ms=timeout_ms)

    def deliver(
        self,
        authorization: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        handle: Callable[[Change], object],
        rules: Document | None = None,
    ) -> Verdict:
        """Takes in what the instance posted. A change that is new is handed on, and remembered where `handle`
        returns; what `handle` raises is raised here, and the change is new the next time."""
        return self._deliveries.deliver(authorization, headers, body, handle, rules)

    def changes(
        self,
        authorization: str,
        instance: str,
        handle: Callable[[Change], object],
        *,
        selection: Selection = EVERYTHING,
        rules: Document | None = None,
        timeout_ms: int | None = None,
    ) -> ChangesOutcome:
        """Reads what deliveries missed since the last reading, and hands it on as `deliver` does. The first
        reading begins with the present. Each page has the deadline."""
        return self._deliveries.changes(authorization, instance, handle, selection, rules, timeout_ms)


class AsyncEventSync(_Sync, _Awaited):
    """Two-way event sync for asyncio."""

    push = _awaited(plans.push)
    preview = _awaited(plans.preview)
    items = _awaited(plans.items)
    paths = _awaited(plans.paths)

    async def push_each(
        self,
        authorization: str,
        instance: str,
        rules: Document,
        event: Document,
        *,
        manual: bool = False,
        timeout_ms: int | None = None,
    ) -> AsyncIterator[PushOutcome]:
        """Pushes each event that an event holds, as `EventSync.push_each`."""
        split = await self.items(rules, event)
        if not isinstance(split, Items):
            yield split
            return
        for one in split.texts:
            yield await self.push(authorization, instance, rules, one, manual=manual, timeout_ms=timeout_ms)

    async def deliver(
        self,
        authorization: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        handle: Callable[[Change], Awaitable[object]],
        rules: Document | None = None,
    ) -> Verdict:
        """Takes in what the instance posted, as `EventSync.deliver`."""
        handed = _handed_to_loop(handle)
        return await asyncio.wrap_future(
            in_thread(lambda: self._deliveries.deliver(authorization, headers, body, handed, rules))
        )

    async def changes(
        self,
        authorization: str,
        instance: str,
        handle: Callable[[Change], Awaitable[object]],
        *,
        selection: Selection = EVERYTHING,
        rules: Document | None = None,
        timeout_ms: int | None = None,
    ) -> ChangesOutcome:
        """Reads what deliveries missed, as `EventSync.changes`."""
        handed = _handed_to_loop(handle)
        return await asyncio.wrap_future(
            in_thread(
                lambda: self._deliveries.changes(
                    authorization, instance, handed, selection, rules, timeout_ms
                )
            )
        )


def _handed_to_loop(handle: Callable[[Change], Awaitable[object]]) -> Callable[[Change], object]:
    """A handler that other threads call and the event loop runs."""
    loop = asyncio.get_running_loop()

    async def handled(change: Change) -> object:
        return await handle(change)

    return lambda change: asyncio.run_coroutine_threadsafe(handled(change), loop).result()
