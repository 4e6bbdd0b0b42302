"""Pictures of the line: made small and encoded once each, and only when somebody looks."""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator

from pad_ros.errors import ImageError
from pad_ros.evaluation.results_writer import encode_jpeg
from pad_ros.results import Image

LONGEST = 640  # pixels; the page shows no more
LIVE = "live"
OF_ONE_IMAGE = ("overlay", "reference", "heat")  # the anomaly node makes them, and sends them one after the other
_KEPT = 4  # images of which pictures are kept
_TOGETHER_S = 0.3  # after the first of an image's pictures, the others have come or will not
_numbers = itertools.count(1)


class Picture:
    """One picture, with a number of its own; `source` gives it as RGB uint8 [H, W, 3], or raises ImageError."""

    def __init__(self, source: Callable[[], Image]) -> None:
        self.number = next(_numbers)
        self._source: Callable[[], Image] | None = source
        self._jpeg: bytes | None = None
        self._lock = threading.Lock()

    def jpeg(self) -> bytes | None:
        """The encoded picture; None when there is nothing to see. The source is let go of."""
        with self._lock:
            if self._source is not None:
                try:
                    self._jpeg = encode_jpeg(self._source(), LONGEST)
                except ImageError:
                    self._jpeg = None
                self._source = None
            return self._jpeg


class Pictures:
    """The newest pictures; not safe for threads.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._live: deque[Picture] = deque(maxlen=_KEPT)
        self._of_image: OrderedDict[int, tuple[float, dict[str, Picture]]] = OrderedDict()  # by stamp: since when, what

    def add(self, kind: str, stamp: int, picture: Picture) -> None:
        """A picture came: LIVE, or one of OF_ONE_IMAGE with that image's stamp."""
        if kind == LIVE:
            self._live.append(picture)
            return
        self._of_image.setdefault(stamp, (self._clock(), {}))[1][kind] = picture
        while len(self._of_image) > _KEPT:
            self._of_image.popitem(last=False)

    def overlay(self, stamp: int) -> Picture | None:
        """The overlay of an image; None when it has not come, or is not kept."""
        return self._of_image.get(stamp, (0.0, {}))[1].get("overlay")

    def kept(self) -> Iterator[Picture]:
        """All that can be had yet; a page asks a moment after it was told."""
        yield from self._live
        for _, pictures in self._of_image.values():
            yield from pictures.values()

    def shown(self) -> dict[str, Picture]:
        """What to show, by kind. Overlay, reference and heat are of the same image, whichever of them it has."""
        found = {LIVE: self._live[-1]} if self._live else {}
        for since, pictures in reversed(self._of_image.values()):
            whole = len(pictures) == len(OF_ONE_IMAGE)
            if "overlay" in pictures and (whole or self._clock() - since > _TOGETHER_S):
                return {**found, **pictures}
        return found
