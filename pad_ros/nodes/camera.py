"""The camera node: a folder, a data-set class or a video as if it were a camera over the conveyor."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from pad_ros.errors import ConfigError, ImageError
from pad_ros.images import decode_image, encode_png
from pad_ros.lens import Lens
from pad_ros.msg import PartView
from pad_ros.nodes import convert
from pad_ros.nodes.camera_info import camera_info_message
from pad_ros.nodes.runner import run
from pad_ros.nodes.source import SourceNode
from pad_ros.sources.frames import Frame, open_source


class CameraNode(SourceNode):
    """Publishes each image with its camera_info and, where known, its part_view."""

    kind = "camera"

    def configure(self) -> None:
        """Opens the source."""
        self._source = open_source(self.value("source"))
        self._lens = _lens_of(self.value("product")) if self.value("product") else self._source.lens
        self._compressed = self.value("image_transport") == "compressed"
        kind, topic = (CompressedImage, "image_raw/compressed") if self._compressed else (Image, "image_raw")
        self._images = self.publisher(kind, topic)
        self._infos = self.publisher(CameraInfo, "camera_info") if self._lens is not None else None
        # Made only where parts are known: the anomaly node waits for part_view while somebody publishes it.
        knows_parts = any(frame.part_id for frame in self._source.files)
        self._views = self.publisher(PartView, "part_view") if knows_parts else None
        self._last_stamp = 0

    def image_publishers(self) -> list[Any]:
        """The publisher of images."""
        return [self._images]

    def play(self) -> None:
        """Publishes every image of the source once."""
        begin = time.monotonic()
        for index, frame in enumerate(self._source.frames()):
            self.pause_until(begin + index / self.value("rate"))
            self.flow.wait(self.stopping)
            if self.stopping.is_set():
                return
            self._publish(frame)

    def _publish(self, frame: Frame) -> None:
        start = time.perf_counter()
        # Stamps are keys: no two images share one.
        stamp = self._last_stamp = max(self.get_clock().now().nanoseconds, self._last_stamp + 1)
        header = Header(stamp=Time(sec=stamp // 10**9, nanosec=stamp % 10**9), frame_id=self.value("frame_id"))
        if self._views is not None:
            self._views.publish(
                PartView(
                    header=header,
                    part_id=self.part_of_round(frame.part_id),
                    view_index=frame.view_index,
                    view_count=frame.view_count,
                )
            )
        if self._infos is not None:
            self._infos.publish(camera_info_message(header, self._lens))
        self.flow.sent(stamp)
        self._images.publish(self._message(header, frame))
        self.health.done(1000.0 * (time.perf_counter() - start))

    def _message(self, header: Header, frame: Frame) -> Any:
        if self._compressed:
            data = frame.data if frame.pixels is None else encode_png(frame.pixels)
            return convert.compressed_message(header, data, frame.kind)
        try:
            pixels = decode_image(frame.data, frame.name) if frame.pixels is None else frame.pixels
        except ImageError as error:  # an empty image: the graph answers it with BAD_IMAGE
            self.health.failed(str(error))
            self.get_logger().warning(str(error))
            pixels = np.zeros((0, 0, 3), np.uint8)
        return convert.image_message(header, pixels, "rgb8")


def _lens_of(product: str) -> Lens:
    """The camera of a product, without loading all of it."""
    manifest = Path(product) / "product.yaml"
    try:
        return Lens.from_dict(yaml.safe_load(manifest.read_text()))
    except (OSError, yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ConfigError(f"product {product!r}: no camera in {manifest} ({error})") from None


def main() -> int:
    """Runs the node."""
    return run(CameraNode)


if __name__ == "__main__":
    sys.exit(main())
