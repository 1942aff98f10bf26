"""What event sync remembers, as texts in a ledger: `record/KEY`, `event/CORRELATION-ID`, `cursor/TABLES`, and
claims."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic, sleep, time
from typing import Literal, TypeAlias, TypeVar
from uuid import uuid4

from .ledger import Ledger

MAX_SETTLED = 64
"""How many counts of a record are kept that need no attention."""

MAX_TURN = 90.0
"""How many seconds a record's turn may take, the handling of a change included. One that was killed loses it
then."""

MAX_TRANSACTION = 60.0
"""ServiceNow cancels a transaction after so many seconds: until then a write whose answer is lost may be
committed."""

_PAUSE, _MAX_PAUSE = 0.01, 0.25
"""How soon it is looked whether another is done, and how seldom after a while."""

_SET_BACK_MS = 10 * 60 * 1000
"""A clock that is set is set by more than this; one that is only corrected makes no claim one of the
future."""

_DONE = "done"

Claimed: TypeAlias = Literal["granted", "orphaned", "done"]
"""What a claim came to: nobody had it; whoever had it let its time pass; it was claimed before, and done."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a record."""

    seen: str | None = None
    settled: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Held:
    """A claim as the ledger has it."""

    owner: str
    begins_ms: int
    ends_ms: int
    in_doubt: bool

    @classmethod
    def read(cls, text: str) -> "_Held | None":
        parts = text.split(" ")
        try:
            return cls(parts[0], int(parts[1]), int(parts[2]), len(parts) > 3)
        except (IndexError, ValueError):
            return None

    def text(self) -> str:
        return f"{self.owner} {self.begins_ms} {self.ends_ms}{' in-doubt' if self.in_doubt else ''}"

    def is_over(self) -> bool:
        """Whether its time passed. One of the future was made before a clock was set back."""
        now = _now_ms()
        return self.ends_ms < now or self.begins_ms > now + _SET_BACK_MS


class Remembered:
    """What is remembered of one authorization."""

    def __init__(self, ledger: Ledger, authorization: str) -> None:
        self.ledger = ledger
        self._authorization = authorization

    def known(self, sys_id: str) -> Known:
        """What is known of a record."""
        return _read(self._get(f"record/{sys_id}"))

    def seen(self, sys_id: str, before: str | None, after: str) -> bool:
        """Remembers what was seen of a record, unless somebody else saw more meanwhile. Whether it was."""

        def change(known: Known) -> tuple[Known, bool]:
            as_before = known.seen == before
            return (Known(after, known.settled) if as_before else known), as_before

        return self._change(f"record/{sys_id}", change)

    def settle(self, sys_id: str, count: int) -> None:
        """Remembers a count that needs no attention."""

        def change(known: Known) -> tuple[Known, bool]:
            return Known(known.seen, tuple(sorted({*known.settled, count})[-MAX_SETTLED:])), True

        self._change(f"record/{sys_id}", change)

    def last_event(self, correlation_id: str) -> str | None:
        """What the last event with a correlation id said."""
        return self._get(f"event/{correlation_id}")

    def remember(self, correlation_id: str, event: str) -> None:
        """Remembers what an event said."""
        self._put(f"event/{correlation_id}", event)

    def cursor(self, tables: Sequence[str]) -> str | None:
        """How far the changes of these tables were read."""
        return self._get(_cursor(tables))

    def move_cursor(self, tables: Sequence[str], to: str) -> None:
        """Remembers how far they were read."""
        self._put(_cursor(tables), to)

    def claim(self, name: str, owner: str, seconds: float) -> Claimed | None:
        """Claims something for a while. `None` where somebody else has it now."""
        while True:
            text = self._get(name)
            claimed: Claimed = "granted"
            if text == _DONE:
                return "done"
            if text is not None:
                held = _Held.read(text)
                if held is not None and held.owner != owner and not held.is_over():
                    return None
                is_own = held is not None and held.owner == owner and not held.in_doubt
                claimed = "granted" if is_own else "orphaned"
            now = _now_ms()
            made = _Held(owner, now, now + int(seconds * 1000), claimed == "orphaned")
            if self._replace(name, text, made.text()):
                return claimed

    def wait(self, name: str, owner: str, seconds: float, until: float | None = None) -> Claimed | None:
        """The same, once nobody else has it; `None` where that is not before a time of `time.monotonic`."""
        pause = _PAUSE
        while (claimed := self.claim(name, owner, seconds)) is None:
            if until is not None and monotonic() + pause > until:
                return None
            sleep(pause)
            pause = min(pause * 2, _MAX_PAUSE)
        return claimed

    def release(self, name: str, owner: str) -> None:
        """Gives a claim up. What is in doubt stays so."""
        self._end(name, owner, lambda held: _Held(held.owner, 0, 0, True).text() if held.in_doubt else None)

    def done(self, name: str, owner: str) -> None:
        """Ends a claim for ever."""
        self._end(name, owner, lambda _: _DONE)

    @contextmanager
    def writing(self, seconds: float) -> Iterator[None]:
        """A write is under way, for so long at most."""
        name, owner = f"write/{uuid4()}", str(uuid4())
        self.claim(name, owner, seconds)
        try:
            yield
        finally:
            # A claim that is not given up ends by its time.
            with suppress(Exception):
                self.release(name, owner)

    def written(self) -> None:
        """Waits for the writes that are under way now, and for none that begins meanwhile: a delivery may be
        the echo of one."""
        for name in self.ledger.names(self._authorization, "write/"):
            pause = _PAUSE
            while (text := self._get(name)) is not None:
                held = _Held.read(text)
                if held is None or held.is_over():
                    self._replace(name, text, None)
                    break
                sleep(pause)
                pause = min(pause * 2, _MAX_PAUSE)

    @contextmanager
    def turn(self, sys_id: str) -> Iterator[None]:
        """A record's turn: it is judged and remembered by one at a time."""
        name, owner = f"turn/{sys_id}", str(uuid4())
        self.wait(name, owner, MAX_TURN)
        try:
            yield
        finally:
            # A claim that is not given up ends by its time.
            with suppress(Exception):
                self.release(name, owner)

    def _end(self, name: str, owner: str, end: Callable[[_Held], str | None]) -> None:
        while (text := self._get(name)) is not None:
            held = _Held.read(text)
            if held is None or held.owner != owner or self._replace(name, text, end(held)):
                return

    def _change(self, name: str, change: Callable[[Known], tuple[Known, T]]) -> T:
        """Changes a record, whoever else changes it at the same time."""
        while True:
            text = self._get(name)
            before = _read(text)
            after, said = change(before)
            if after == before:
                return said
            written = json.dumps({"seen": after.seen, "settled": after.settled}, ensure_ascii=False)
            if self._replace(name, text, written):
                return said

    def _put(self, name: str, text: str) -> None:
        while not self._replace(name, self._get(name), text):
            pass

    def _get(self, name: str) -> str | None:
        return self.ledger.get(self._authorization, name)

    def _replace(self, name: str, before: str | None, after: str | None) -> bool:
        return self.ledger.replace(self._authorization, name, before, after)


def _read(text: str | None) -> Known:
    """A record of a text. What nobody can read is nothing."""
    try:
        record = json.loads(text or "{}")
        return Known(record.get("seen"), tuple(record.get("settled", ())))
    except (ValueError, AttributeError, TypeError):
        return Known()


def _cursor(tables: Sequence[str]) -> str:
    """The name of a cursor's text. Whoever reads other tables reads on from another place."""
    return f"cursor/{','.join(sorted(set(tables)))}"


def _now_ms() -> int:
    return int(time() * 1000)
