"""The records node: keeps every verdict, and every command that it hears, with the pictures of what was not passed."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict, deque
from typing import Any

import numpy as np
from sensor_msgs.msg import Image

from pad_ros.common.identity import Identity
from pad_ros.errors import ConfigError, ImageError, ProductError, RecordsError
from pad_ros.msg import AnomalyResult, RejectCommand
from pad_ros.nodes import convert
from pad_ros.nodes.product_node import ProductNode, identity_of
from pad_ros.nodes.runner import run
from pad_ros.nodes.verdicts import decision_from_message, inspection_from_message
from pad_ros.nodes.worker import Worker
from pad_ros.records.decisions import decision_row
from pad_ros.records.pictures import Picture, Sample
from pad_ros.records.recorder import Recorder
from pad_ros.records.retention import Limits
from pad_ros.records.store import Store
from pad_ros.records.verdicts import Seen

_GRACE_S = 1.0  # for an image or a heatmap that comes after its result, on its own topic
_TIDY_S = 10.0


class RecordsNode(ProductNode):
    """Writes down what it hears; what was published while it was away, it hears again, and writes once.

    Decisions are written by the conveyor node already, before their commands go out; a command that is heard here
    becomes the same row, for graphs whose conveyor is on another host.
    """

    kind = "records"

    def configure(self) -> None:
        """Opens the records."""
        if not self.value("records"):
            raise ConfigError("the parameter records is empty: give the folder to keep records in")
        self._product = identity_of(self.value("product"))
        limits = Limits(*(self.value(name) for name in ("picture_days", "picture_gb", "free_gb", "row_days")))
        store = Store(self.value("records"), self.value("station"), insist=False)
        self._recorder = Recorder(store, Sample(self.value("keep_passes")), limits)
        self._strange: set[str] = set()  # checksums of products that are not in the product folder

    def activate(self) -> None:
        """Subscribes."""
        self._images: OrderedDict[int, deque[Any]] = OrderedDict()  # by stamp, which may repeat
        self._heat: OrderedDict[int, Any] = OrderedDict()
        self._pending: deque[tuple[float, AnomalyResult]] = deque()  # with the moment until which each waits
        self.worker = Worker(self._write, self.value("queue_size"))
        self.subscribe_images(self._on_image)
        if self.value("keep_heatmaps"):
            self.subscribe(Image, "anomaly/heatmap", self._on_heat, "pictures")
        self.subscribe(AnomalyResult, "anomaly", self._on_result, "results")
        self.subscribe(RejectCommand, "reject", self._on_command, "results")
        self.every(0.2, self._take)
        self.every(_TIDY_S, lambda: self._submit(None))

    def left_over(self, items: list[Any]) -> None:
        """Writes what waits."""
        for item in [*items, *(self._joined(message) for _, message in self._pending)]:
            self._write(item)

    def deactivate(self) -> None:
        """Lets go of the records."""
        if hasattr(self, "_recorder"):
            self._recorder.tidy()
            self._recorder.store.close()

    def diagnostics(self) -> dict[str, str]:
        """Where the records are."""
        return {**super().diagnostics(), "records": str(self._recorder.store.folder)} if self.configured else {}

    def identity(self) -> Identity | None:
        """The product whose calibration goes on record; None where none was named."""
        return self._product

    def read_product(self, folder: str) -> Any:
        """Sees that there is one; each verdict names its own."""
        return identity_of(folder)

    def use_product(self, read: Any) -> None:
        """The verdicts to come are by this product; its calibration goes on record with the first."""
        self._product = read
        self._strange.clear()

    def fault(self) -> str:
        """What cannot be kept."""
        return self._recorder.fault if hasattr(self, "_recorder") else ""

    def _on_image(self, message: Any) -> None:
        self._images.setdefault(convert.stamp_of(message.header), deque()).append(message)
        while len(self._images) > self.value("queue_size"):
            self._images.popitem(last=False)
        self._take()

    def _on_heat(self, message: Image) -> None:
        self._heat[convert.stamp_of(message.header)] = message
        while len(self._heat) > self.value("queue_size"):
            self._heat.popitem(last=False)
        self._take()

    def _on_result(self, message: AnomalyResult) -> None:
        self._pending.append((time.monotonic() + _GRACE_S, message))
        self._take()

    def _on_command(self, message: RejectCommand) -> None:
        self._submit(message)

    def _take(self) -> None:
        """Hands on the results whose picture is there, or does not come in time; in their order."""
        while self._pending and (self._pending[0][0] <= time.monotonic() or self._is_complete(self._pending[0][1])):
            self._submit(self._joined(self._pending.popleft()[1]))

    def _is_complete(self, message: AnomalyResult) -> bool:
        stamp = convert.stamp_of(message.header)
        wants_heat = self.value("keep_heatmaps") and message.status == AnomalyResult.OK
        return stamp in self._images and (not wants_heat or stamp in self._heat)

    def _joined(self, message: AnomalyResult) -> tuple[AnomalyResult, Any, Any]:
        stamp = convert.stamp_of(message.header)
        images = self._images.get(stamp)
        image = images.popleft() if images else None
        if not images:
            self._images.pop(stamp, None)
        return message, image, self._heat.pop(stamp, None)

    def _submit(self, item: Any) -> None:
        if self.worker is not None and not self.worker.submit(item) and item is not None:
            self._write(item)  # no room: here, and so slower, but kept

    def _write(self, item: Any) -> None:
        start = time.perf_counter()
        try:
            if item is None:
                self._recorder.tidy()
            elif isinstance(item, RejectCommand):
                self._recorder.store.add(decision_row(decision_from_message(item), 0, self._recorder.store.station))
            else:
                self._keep(*item)
                self.health.done(1000.0 * (time.perf_counter() - start))
        except RecordsError as error:
            self.health.warn("records", str(error))
        except Exception as error:  # a defect of ours must not end the thread
            self.get_logger().error(f"recording failed: {type(error).__name__}: {error}")
            self.health.warn("records", f"recording failed: {type(error).__name__}")

    def _keep(self, message: AnomalyResult, image: Any, heat: Any) -> None:
        self._recorder.sample = Sample(self.value("keep_passes"))  # it may be changed
        self._keep_product(message.product, message.product_checksum)
        stamp = convert.stamp_of(message.header)
        seen = Seen(
            f"{message.header.frame_id or 'image'} {stamp}",
            stamp,
            message.arrival,
            message.run,
            message.part_id,
            message.view_index,
            message.view_count,
        )
        found = None if heat is None else np.frombuffer(heat.data, np.float32).reshape(heat.height, heat.width)
        picture = (lambda: None) if image is None else (lambda: _picture(image))
        inspection = inspection_from_message(message)
        self._recorder.add(seen, inspection, message.product, message.product_checksum, picture, found)

    def _keep_product(self, name: str, checksum: str) -> None:
        if checksum not in self._strange:
            try:
                self._recorder.product_of(self.value("product"), name, checksum)
            except ProductError as error:
                self._strange.add(checksum)
                self.get_logger().warning(f"{error}: its calibration is not on record")


def _picture(message: Any) -> Picture | None:
    """An image as it came, when it is a file's bytes, or without loss; None when there is no picture in it."""
    if hasattr(message, "format"):
        return Picture.of_file(bytes(message.data))
    try:
        return Picture.of(convert.image_from_message(message))
    except ImageError:
        return None


def main() -> int:
    """Runs the node."""
    return run(RecordsNode)


if __name__ == "__main__":
    sys.exit(main())
