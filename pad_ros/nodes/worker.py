"""One thread that works through a bounded queue. Imports no ROS."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Worker:
    """Calls `process` for each item in turn, so that the executor is free to take messages from the network.

    Args:
        process: the work on one item; must not raise.
        capacity: items kept waiting.
    """

    def __init__(self, process: Callable[[Any], None], capacity: int) -> None:
        self._process = process
        self._items: queue.Queue[Any] = queue.Queue(maxsize=capacity)
        self._between: queue.SimpleQueue[tuple[Callable[[], None], Future[None]]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """How many items wait."""
        return self._items.qsize()

    def submit(self, item: Any) -> bool:
        """Queues an item; false when there is no room."""
        try:
            self._items.put_nowait(item)
        except queue.Full:
            return False
        return True

    def between(self, action: Callable[[], None]) -> Future[None]:
        """Calls `action` in the worker's thread before its next item; never, and cancelled, when it is stopped."""
        future: Future[None] = Future()
        self._between.put((action, future))
        return future

    def stop(self, timeout: float = 5.0) -> list[Any]:
        """Finishes the item at hand, ends, and returns the items that were not processed."""
        self._stopping.set()
        self._thread.join(timeout)
        while not self._between.empty():
            self._between.get()[1].cancel()
        left = []
        while not self._items.empty():
            left.append(self._items.get_nowait())
        return left

    def _run(self) -> None:
        while not self._stopping.is_set():
            while not self._between.empty():
                self._act(*self._between.get())
            try:
                item = self._items.get(timeout=0.2)
            except queue.Empty:
                continue
            self._process(item)

    @staticmethod
    def _act(action: Callable[[], None], future: Future[None]) -> None:
        try:
            future.set_result(action())
        except Exception as error:
            future.set_exception(error)
