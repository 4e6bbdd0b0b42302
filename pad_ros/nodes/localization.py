"""The localization node: image in, camera-to-object pose out; a failure is an answer too."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TransformStamped, Vector3
from sensor_msgs.msg import CameraInfo, PointCloud2
from std_msgs.msg import Header

from pad_ros.errors import ImageError, PadError
from pad_ros.msg import PoseEstimate
from pad_ros.nodes import convert
from pad_ros.nodes.camera_info import camera_problem, is_calibrated
from pad_ros.nodes.clouds import clouds_of
from pad_ros.nodes.common import PadNode
from pad_ros.nodes.product_node import InspectorNode
from pad_ros.nodes.runner import run
from pad_ros.nodes.worker import Worker
from pad_ros.results import Status

OBJECT_FRAME = "part"


class LocalizationNode(InspectorNode):
    """Publishes one PoseEstimate per image."""

    kind = "localization"

    def configure(self) -> None:
        """Loads the product."""
        self.inspector = self.inspector_factory(self.value("product"))
        self._estimates = self.publisher(PoseEstimate, "camera_pose", "results")
        self._poses = self.publisher(PoseStamped, "camera_pose/stamped")
        self._map = self.publisher(PointCloud2, "map_points", "latched")
        self._twin = self.publisher(PointCloud2, "twin", "latched")
        self._transforms = _transform_broadcaster(self)
        self._camera_info: CameraInfo | None = None
        self._camera_problem = ""
        self._said_uncalibrated = False

    def activate(self) -> None:
        """Warms up, shows the product, and subscribes."""
        self.warm_up(self.inspector)
        self._show_product()
        self.worker = Worker(self._process, self.value("queue_size"))
        self.subscribe(CameraInfo, "camera_info", self._on_camera_info)
        self.subscribe_images(self._on_image)

    def warm_up(self, inspector: Any) -> None:
        """Looks for the part in a grey image."""
        camera = inspector.camera
        with suppress(PadError):  # there is no part in it
            inspector.localize(np.full((camera.height, camera.width, 3), 128, np.uint8))

    def use_product(self, read: Any) -> None:
        """The camera must fit the new product too, and it is shown."""
        super().use_product(read)
        if self._camera_info is not None:
            self._on_camera_info(self._camera_info)
        self._show_product()

    def diagnostics(self) -> dict[str, str]:
        """The product and what is wrong with the camera."""
        return {**super().diagnostics(), "camera_info": getattr(self, "_camera_problem", "") or "fits"}

    def _show_product(self) -> None:
        header = Header(frame_id=OBJECT_FRAME, stamp=self.get_clock().now().to_msg())
        for publisher, cloud in zip((self._map, self._twin), clouds_of(self.inspector.product, header), strict=True):
            if cloud is not None:
                publisher.publish(cloud)

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._camera_info = message
        if not is_calibrated(message):
            if not self._said_uncalibrated:
                self.get_logger().info("camera_info says nothing (the camera is not calibrated): the product's counts")
            self._said_uncalibrated, self._camera_problem = True, ""
            return
        inspector = self.inspector
        rectified = self.value("images_rectified")
        problem = camera_problem(message, inspector.camera, rectified, lens=inspector.lens)
        if problem and problem != self._camera_problem:
            self.get_logger().error(f"{problem}; every image is refused until that is mended")
        self._camera_problem = problem

    def _on_image(self, message: Any) -> None:
        if self.worker is not None and not self.worker.submit(message):
            self.health.dropped()
            reason = f"the queue of {self.value('queue_size')} images is full: images come faster than they are judged"
            self._refuse(message, reason)

    def left_over(self, items: list[Any]) -> None:
        """Says of images that will not be localised any more that there is no pose to wait for."""
        for message in items:
            self._refuse(message, "the localization node was stopped before it saw this image")

    def _refuse(self, message: Any, reason: str) -> None:
        checksum = convert.checksum_of(message)
        answer = PoseEstimate(header=message.header, status=Status.ERROR, reason=reason, image_checksum=checksum)
        answer.product_checksum = self.inspector.product.checksum
        self._estimates.publish(answer)

    def _process(self, message: Any) -> None:
        start = time.perf_counter()
        answer = PoseEstimate(header=message.header, image_checksum=convert.checksum_of(message))
        answer.product_checksum = self.inspector.product.checksum
        try:
            image = convert.image_from_message(message)
            if self._camera_problem:
                raise ImageError(self._camera_problem)
            estimate = self.inspector.localize(self.inspector.prepare(image))
        except Exception as error:
            answer.status = int(Status.of(error))
            answer.reason = str(error) if isinstance(error, PadError) else f"{type(error).__name__}: {error}"
            self.health.failed(answer.reason)
            self.get_logger().warning(f"image {convert.stamp_of(message.header)}: {answer.reason}")
        else:
            answer.pose = convert.pose_message(estimate.object_from_camera)
            answer.inliers, answer.matches = int(estimate.inliers), int(estimate.matches)
            answer.reprojection_error = float(estimate.reprojection_error)
        answer.milliseconds = 1000.0 * (time.perf_counter() - start)
        self._estimates.publish(answer)
        if answer.status == Status.OK:
            self._publish_pose(message.header, answer)
        self.health.done(answer.milliseconds)

    def _publish_pose(self, header: Header, answer: PoseEstimate) -> None:
        in_part = Header(stamp=header.stamp, frame_id=OBJECT_FRAME)
        self._poses.publish(PoseStamped(header=in_part, pose=answer.pose))
        if self._transforms is not None:
            position = answer.pose.position
            transform = TransformStamped(header=in_part, child_frame_id=header.frame_id)
            transform.transform.translation = Vector3(x=position.x, y=position.y, z=position.z)
            transform.transform.rotation = answer.pose.orientation
            self._transforms.sendTransform(transform)


def _transform_broadcaster(node: PadNode) -> Any:
    try:
        from tf2_ros import TransformBroadcaster
    except ImportError:  # not among the wheels
        return None
    return TransformBroadcaster(node)


def main() -> int:
    """Runs the node."""
    return run(LocalizationNode)


if __name__ == "__main__":
    sys.exit(main())
