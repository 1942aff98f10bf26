"""Threads for calls: what waits for the network cannot be interrupted, but nobody has to wait for it."""

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TypeVar

IDLE = 10.0
"""A thread with nothing to do ends after so many seconds."""

T = TypeVar("T")


def in_thread(work: Callable[[], T]) -> "Future[T]":
    """Runs something in a thread that runs nothing else meanwhile."""
    future: Future[T] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            future.set_exception(error)

    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    worker.work.put(run)
    return future


class _Worker:
    """A thread, and what it is to run."""

    def __init__(self) -> None:
        self.work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name="servicenow-call", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self.work.get(timeout=IDLE)()
            except Empty:
                try:
                    _idle.remove(self)
                except ValueError:
                    # It was just taken: its work is on the way.
                    continue
                return
            _idle.append(self)


_idle: deque[_Worker] = deque()

# A process that forks takes no threads with it.
os.register_at_fork(after_in_child=_idle.clear)
