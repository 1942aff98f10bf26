"""Who computes: one call at a time, for a while.

The interpreter runs one thread at a time, and wasmtime's Python lets go of it some hundred times in a call.
Threads that compute at once then wait for each other at each of these places, and 64 of them make a third
of the calls that one after the other would. A call that waits for the network lets others compute, and one
that computes for long keeps nobody for longer than `PATIENCE`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 0.05
"""How many seconds a call waits for another that computes: one that does its work takes a few
milliseconds."""


class Turn:
    """The turn to compute."""

    def __init__(self) -> None:
        self._free = threading.Lock()
        self._mine = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Computes, when it is this call's turn or its patience is over."""
        self._take()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def left(self) -> Iterator[None]:
        """Waits for something, while others compute."""
        self._leave()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        self._mine.held = self._free.acquire(timeout=PATIENCE)

    def _leave(self) -> None:
        if self._mine.held:
            self._mine.held = False
            self._free.release()
