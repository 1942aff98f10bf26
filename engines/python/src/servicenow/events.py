"""Deliveries and readings: judged one after the other for each record, handed on, and remembered."""

import hmac
import re
from collections.abc import Callable, Iterable
from uuid import uuid4

from . import plans
from .authorizations import Authorization
from .calls import STRUCK, Call
from .ledger import Ledger
from .ledger_imports import MAX_TEXT
from .outcomes import Accepted, ChangesOutcome, ChangesPage, InvalidData, Late, Unauthenticated, Verdict
from .plans import Document, Selection
from .records import Accepted as ToAccept
from .records import Change
from .remembered import Remembered
from .runner import ComponentFailed, Runner

MAX_READINGS = 8
"""How often a delivery is judged, and a page read, where others see more of its records meanwhile."""

SECRET_HEADER = "x-callback-secret"

_NEVER_ENDS = "the component goes on for ever: it does not judge by what the ledger has"

Handler = Callable[[Change], object]


class Deliveries:
    """What comes back from the instances."""

    def __init__(self, runner: Runner, ledger: Ledger) -> None:
        self._runner = runner
        self._ledger = ledger

    def deliver(
        self,
        authorization: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        handle: Handler,
        rules: Document | None,
    ) -> Verdict:
        """Judges a delivery; what is new is handed on, and remembered once it was taken."""
        known = self._runner.imports.authorization(authorization)
        if not isinstance(known, Authorization) or not _is_authentic(headers, known):
            return Unauthenticated()
        # A one-time value stands for the secret: the component never sees it.
        one_time = str(uuid4())
        for secret in known.callback_secrets:
            body = body.replace(secret.encode(), STRUCK.encode())
        plan = plans.receive(authorization, one_time, body, rules)
        remembered = Remembered(self._ledger, authorization)
        remembered.written()
        verdict, call = self._runner.compute(plan, remembered, one_time=one_time)
        if not isinstance(verdict, Accepted | Late):
            return verdict
        told: Verdict | None = None
        _check(verdict.accepted)
        with remembered.turn(verdict.accepted.change.sys_id):
            for _ in range(MAX_READINGS):
                if _is_news(remembered, call, verdict.accepted):
                    if told is None:
                        handle(verdict.accepted.change)
                    told = told or verdict
                    if _remember(remembered, verdict.accepted):
                        return told
                # Somebody else saw more of the record meanwhile: it is judged by that.
                verdict, call = self._runner.compute(plan, remembered, one_time=one_time)
                if not isinstance(verdict, Accepted | Late):
                    # What was handed on is what it was then, whatever became of the record meanwhile.
                    return told or verdict
        if told is None:
            raise ComponentFailed(_NEVER_ENDS)
        return told

    def changes(
        self,
        authorization: str,
        instance: str,
        handle: Handler,
        selection: Selection,
        rules: Document | None,
        timeout_ms: int | None,
    ) -> ChangesOutcome:
        """Reads the changes since the ledger's cursor, hands on what is new, and moves the cursor with each
        page."""
        remembered = Remembered(self._ledger, authorization)
        readings, handed = 0, set[tuple[str, str]]()
        while True:
            plan = plans.since(authorization, instance, selection, rules, None, timeout_ms)
            if plan.violations:
                return InvalidData(plan.violations)
            cursor = remembered.cursor(selection.tables)
            plan = plans.since(authorization, instance, selection, rules, cursor, timeout_ms)
            call, future = self._runner.start(plan, remembered)
            outcome = self._runner.finish(call, future)
            if not isinstance(outcome, ChangesPage):
                return outcome
            page = outcome.change_page
            # What was read may be the write of a push that was under way.
            remembered.written()
            is_whole = True
            for accepted in page.changes:
                _check(accepted)
                change = accepted.change
                with remembered.turn(change.sys_id):
                    if not _is_news(remembered, call, accepted):
                        is_whole = False
                        continue
                    # Each change is handed on once, though it may be judged again.
                    if (change.sys_id, change.cloud_event) not in handed:
                        handle(change)
                        handed.add((change.sys_id, change.cloud_event))
                    is_whole &= _remember(remembered, accepted)
            readings += 1
            if not is_whole and readings < MAX_READINGS:
                continue
            if not is_whole:
                # The cursor stays: the next reading brings the rest.
                return outcome
            if (page.more and cursor == page.cursor) or len(page.cursor) > MAX_TEXT:
                raise ComponentFailed(_NEVER_ENDS)
            readings, handed = 0, set()
            remembered.move_cursor(selection.tables, page.cursor)
            if not page.more:
                return outcome


def _is_authentic(headers: Iterable[tuple[str, str]], known: Authorization) -> bool:
    """Whether the secret is there, once, and one of the authorization's. Compared in constant time."""
    presented = [value for name, value in headers if name.lower() == SECRET_HEADER]
    if len(presented) != 1:
        return False
    found = [
        hmac.compare_digest(
            secret.encode(errors="surrogatepass"), presented[0].encode(errors="surrogatepass")
        )
        for secret in known.callback_secrets
    ]
    return any(found)


def _is_news(remembered: Remembered, call: Call, accepted: ToAccept) -> bool:
    """Whether nobody else saw or settled more of a record since a change of it was judged."""
    change = accepted.change
    now, told = remembered.known(change.sys_id), call.told.get(change.sys_id)
    up_to = 2**32 if change.mod_count is None else change.mod_count
    settled_then = [] if told is None else [count for count in told.settled if count <= up_to]
    return now.seen == accepted.before and [c for c in now.settled if c <= up_to] == settled_then


def _remember(remembered: Remembered, accepted: ToAccept) -> bool:
    """Remembers a change that was handed on, unless somebody else remembered something of its record
    meanwhile."""
    return remembered.seen(accepted.change.sys_id, accepted.before, accepted.after)


def _check(accepted: ToAccept) -> None:
    is_key = re.fullmatch(r"[0-9a-f]{32}", accepted.change.sys_id) is not None
    if not is_key or len(accepted.after) > MAX_TEXT:
        raise ComponentFailed("the component returned a change that cannot be remembered")
