"""What a training run leaves behind so that it can go on after a stop: one file, replaced atomically, no pickle."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.archive import read_arrays, write_arrays
from pad_ros.errors import ProductError

logger = logging.getLogger(__name__)

Arrays = dict[str, NDArray[Any]]
_KEY = "key"


class Checkpoint:
    """A file that holds the state of one training run.

    Args:
        path: of the file; its folder must exist.
        every_s: seconds between two savings.
    """

    def __init__(self, path: Path, every_s: float = 30.0) -> None:
        self._path = path
        self._every_s = every_s
        self._saved = time.monotonic()

    def load(self, key: str) -> Arrays | None:
        """The arrays of a stopped run; None, with a notice, when the file is not of this run or is broken.

        Args:
            key: what the state depends on; a run with other settings or data has another.
        """
        if not self._path.is_file():
            return None
        try:
            arrays = read_arrays(self._path)
        except ProductError as error:
            logger.warning("%s; training begins anew", error)
            return None
        if str(arrays.pop(_KEY, "")) != key:
            logger.warning("%s: of other settings or data; training begins anew", self._path)
            return None
        return arrays

    def save_when_due(self, key: str, state: Callable[[], Mapping[str, NDArray[Any]]]) -> None:
        """Saves what `state` gives if the last saving is long enough ago."""
        if time.monotonic() - self._saved < self._every_s:
            return
        write_arrays(self._path, {_KEY: np.array(key), **state()}, compress=False)
        self._saved = time.monotonic()

    def remove(self) -> None:
        """Deletes the file of a run that is finished."""
        self._path.unlink(missing_ok=True)
