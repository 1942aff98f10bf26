"""The import `ledger`: what is remembered of a call's authorization, and of no other."""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

from wasmtime import WasmtimeError

from .calls import Call
from .remembered import MAX_TRANSACTION, Remembered
from .turn import Turn

MAX_TEXT = 64 * 1024
"""The longest text that the ledger takes: what an event said of 500 columns takes 50 KB."""

MAX_NAME = 512
"""The longest name in the ledger: a correlation id of 100 characters takes 400 bytes."""

OWN_WRITE = 1.0
"""How many seconds a call needs for its own write, once it no longer waits for another's."""

_log = logging.getLogger("servicenow")

T = TypeVar("T")


class LedgerImports:
    """The functions of the ledger."""

    def __init__(self, call: Callable[[], Call], turn: Turn) -> None:
        self._call = call
        self._turn = turn
        self.answers: dict[str, Callable[..., Any]] = {
            "known": self._known,
            "seen": self._seen,
            "settle": self._settle,
            "last-event": self._last_event,
            "remember": self._remember,
            "claim-note": self._claim_note,
            "end-claim": self._end_claim,
        }

    def _ledger(self, authorization: str, *names: str, text: str | None = None) -> tuple[Call, Remembered]:
        """The ledger of the call, if it is asked for the call's authorization and for what it takes."""
        call = self._call()
        if call.remembered is None or authorization != call.plan.authorization:
            raise WasmtimeError("the component asked the ledger for another authorization")
        if any(len(name) > MAX_NAME for name in names):
            raise WasmtimeError("the component gave the ledger a name that is too long")
        if text is not None:
            call.texts_left -= 1
            if (
                call.texts_left < 0
                or len(text) > MAX_TEXT
                or any(call.struck(part) != part for part in [text, *names])
            ):
                raise WasmtimeError("the component gave the ledger too much, or a secret")
        return call, call.remembered

    def _known(self, authorization: str, sys_id: str) -> dict[str, Any]:
        call, remembered = self._ledger(authorization, sys_id)
        known = self._read(call, lambda: remembered.known(sys_id))
        call.told[sys_id] = known
        return {"seen": known.seen, "settled": list(known.settled)}

    def _seen(self, authorization: str, sys_id: str, before: str | None, after: str) -> bool:
        _, remembered = self._ledger(authorization, sys_id, text=after)
        return _noted(lambda: remembered.seen(sys_id, before, after), False)

    def _settle(self, authorization: str, sys_id: str, count: int) -> None:
        _, remembered = self._ledger(authorization, sys_id, text="")
        _noted(lambda: remembered.settle(sys_id, count), None)

    def _last_event(self, authorization: str, correlation_id: str) -> str | None:
        call, remembered = self._ledger(authorization, correlation_id)
        return self._read(call, lambda: remembered.last_event(correlation_id))

    def _remember(self, authorization: str, correlation_id: str, event: str) -> None:
        _, remembered = self._ledger(authorization, correlation_id, text=event)
        _noted(lambda: remembered.remember(correlation_id, event), None)

    def _claim_note(self, authorization: str, sys_id: str, digest: str) -> str:
        call, remembered = self._ledger(authorization, sys_id, digest, text="")
        name, until = f"note/{sys_id}/{digest}", call.deadline - OWN_WRITE
        seconds = max(call.deadline - monotonic(), 0) + MAX_TRANSACTION
        claimed = self._read(call, lambda: remembered.wait(name, call.owner, seconds, until))
        match claimed:
            case None:
                return "busy"
            case "granted":
                return "granted" if remembered.ledger.is_durable else "not-kept"
            case "orphaned":
                return "orphaned"
            case _:
                return "written"

    def _end_claim(self, authorization: str, sys_id: str, digest: str, end: str) -> None:
        call, remembered = self._ledger(authorization, sys_id, digest, text="")
        name = f"note/{sys_id}/{digest}"
        ends = remembered.done if end == "written" else remembered.release
        _noted(lambda: ends(name, call.owner), None)

    def _read(self, call: Call, read: Callable[[], T]) -> T:
        """What cannot be read ends the call, so that nothing is guessed."""
        try:
            with self._turn.left():
                return read()
        except Exception as error:  # noqa: BLE001 - whatever an embedder's ledger raises
            _log.warning("the ledger cannot be read: %s", type(error).__name__)
            call.refused = f"the ledger cannot be used: {type(error).__name__}"
            raise WasmtimeError(call.refused) from None


def _noted(write: Callable[[], T], otherwise: T) -> T:
    """What was done is done: a ledger that does not take it in leaves something to be told or written once
    more."""
    try:
        return write()
    except Exception as error:  # noqa: BLE001 - whatever an embedder's ledger raises
        _log.warning(
            "the ledger cannot be written, and what was done is not remembered: %s", type(error).__name__
        )
        return otherwise
