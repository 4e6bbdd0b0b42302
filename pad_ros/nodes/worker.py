"""One thread that works through a bounded queue. Imports no ROS."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
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

    def stop(self, timeout: float = 5.0) -> list[Any]:
        """Finishes the item at hand, ends, and returns the items that were not processed."""
        self._stopping.set()
        self._thread.join(timeout)
        left = []
        while not self._items.empty():
            left.append(self._items.get_nowait())
        return left

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                item = self._items.get(timeout=0.2)
            except queue.Empty:
                continue
            self._process(item)
