"""The background node: image and pose in, the part's mask and the image without the part out."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from sensor_msgs.msg import Image

from pad_ros.errors import ConfigError, ImageError, NoObjectError, PadError
from pad_ros.msg import PoseEstimate
from pad_ros.nodes import convert
from pad_ros.nodes.join import Joined, Joiner
from pad_ros.nodes.product_node import InspectorNode
from pad_ros.nodes.runner import run
from pad_ros.nodes.warm_up import warm_up
from pad_ros.nodes.worker import Worker
from pad_ros.results import Status

_FAILED = np.zeros((0, 0), np.uint8)  # the mask when there is none to say


class BackgroundNode(InspectorNode):
    """Publishes one mask and one background per localised image, so that nobody waits for them in vain.

    When this stage fails, both are empty (0x0). Where no part is visible the mask has the image's size and is 0
    everywhere, and the background is the image; the anomaly node tells the two apart. An image without a pose gets
    neither: its verdict needs none, and a burst of such images would push masks that matter out of the queues.
    Both are in the pixels of the product's ideal camera; the anomaly node brings its result back to the image's.
    """

    kind = "background"

    def configure(self) -> None:
        """Loads the product."""
        self.inspector = self.inspector_factory(self.value("product"))
        self._masks = self.publisher(Image, "object_mask", "pictures")
        self._backgrounds = self.publisher(Image, "background", "pictures")
        self._joiner = Joiner(
            ("image", "camera_pose"), timeout=self.value("join_timeout"), capacity=3 * self.value("queue_size")
        )

    def activate(self) -> None:
        """Warms up on the twin, and subscribes."""
        self.warm_up(self.inspector)
        self.worker = Worker(self._process, self.value("queue_size"))
        self.subscribe(PoseEstimate, "camera_pose", lambda message: self._on_message("camera_pose", message), "results")
        self.subscribe_images(lambda message: self._on_message("image", message))
        self.every(0.2, lambda: self._take(self._joiner.expire()))

    def warm_up(self, inspector: Any) -> None:
        """Separates the twin from its background."""
        warm_up(inspector, lambda pose, reference: inspector.separate(reference.image, reference))

    def diagnostics(self) -> dict[str, str]:
        """The product and the stamps that wait."""
        return {**super().diagnostics(), "joining": str(len(self._joiner))} if self.configured else {}

    def left_over(self, items: list[Any]) -> None:
        """Says of what will not be processed any more that there is nothing to wait for."""
        for joined in [*items, *self._joiner.give_up()]:
            if not joined.duplicate:
                self._publish(next(iter(joined.messages.values())).header, _FAILED, None)

    def _on_message(self, topic: str, message: Any) -> None:
        self._take(self._joiner.add(topic, convert.stamp_of(message.header), message))

    def _take(self, outcomes: list[Joined]) -> None:
        for joined in outcomes:
            estimate = joined.messages.get("camera_pose")
            if joined.duplicate or (estimate is not None and estimate.status != Status.OK):
                continue  # the anomaly node needs nothing of it
            if joined.missing or (self.worker is not None and not self.worker.submit(joined)):
                self.health.dropped()
                self._publish(next(iter(joined.messages.values())).header, _FAILED, None)

    def _process(self, joined: Joined) -> None:
        start = time.perf_counter()
        message, estimate = joined.messages["image"], joined.messages["camera_pose"]
        mask, background = _FAILED, None
        try:
            if estimate.image_checksum != convert.checksum_of(message):
                raise ImageError("the pose is that of another image with the same stamp")
            if estimate.product_checksum != self.inspector.product.checksum:
                raise ConfigError("the localization node has another product than this one: call reload_product")
            image = self.inspector.prepare(convert.image_from_message(message))
            try:
                reference = self.inspector.render(convert.matrix_from_pose(estimate.pose))
                separated = self.inspector.separate(image, reference)
                mask, background = separated.object_mask, separated.image
            except NoObjectError:
                mask, background = np.zeros(image.shape[:2], np.uint8), image
        except Exception as error:
            reason = str(error) if isinstance(error, PadError) else f"{type(error).__name__}: {error}"
            self.health.failed(reason)
            self.get_logger().warning(f"image {convert.stamp_of(message.header)}: {reason}")
        self._publish(message.header, mask, background)
        self.health.done(1000.0 * (time.perf_counter() - start))

    def _publish(self, header: Any, mask: np.ndarray, background: np.ndarray | None) -> None:
        self._masks.publish(convert.image_message(header, mask.astype(np.uint8) * 255, "mono8"))
        pixels = np.zeros((0, 0, 3), np.uint8) if background is None else background
        self._backgrounds.publish(convert.image_message(header, pixels, "rgb8"))


def main() -> int:
    """Runs the node."""
    return run(BackgroundNode)


if __name__ == "__main__":
    sys.exit(main())
