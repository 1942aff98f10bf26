"""The exchanges under way: what of each was sent, and their end at the deadline."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic, sleep

PAUSE = 0.1
"""How often it is looked for exchanges that go on after their deadline, in seconds."""


@dataclass(eq=False)
class Exchange:
    """One exchange."""

    deadline: float
    begun: bool = False
    """Whether it has begun to send its request."""
    connection: socket.socket | None = None


class Exchanges:
    """Ends connections whose exchange goes on after its deadline: a server that sends byte after byte wakes
    each wait of its client in time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Exchange] = set()
        self._watches = False

    @contextmanager
    def watched(self, exchange: Exchange) -> Iterator[None]:
        """An exchange that is ended at its deadline."""
        with self._lock:
            self._running.add(exchange)
            begins, self._watches = not self._watches, True
        if begins:
            threading.Thread(target=self._watch, name="servicenow-deadlines", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(exchange)

    def _watch(self) -> None:
        while True:
            sleep(PAUSE)
            with self._lock:
                if not self._running:
                    self._watches = False
                    return
                now = monotonic()
                late = [exchange for exchange in self._running if exchange.deadline <= now]
            for exchange in late:
                if exchange.connection is not None:
                    with suppress(OSError):
                        exchange.connection.shutdown(socket.SHUT_RDWR)
