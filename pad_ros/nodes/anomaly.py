"""The anomaly node: joins what the others found of an image and says one verdict."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pad_ros.errors import ImageError, InspectionError, NoObjectError
from pad_ros.evaluation.overlay import draw_overlay
from pad_ros.msg import AnomalyResult, PartView, PoseEstimate
from pad_ros.nodes import convert
from pad_ros.nodes.common import PadNode
from pad_ros.nodes.join import Joined, Joiner
from pad_ros.nodes.runner import run
from pad_ros.nodes.verdicts import result_message, view_of
from pad_ros.nodes.warm_up import warm_up
from pad_ros.nodes.worker import Worker
from pad_ros.results import Background, Inspection, Reference, Status
from pad_ros.results import PoseEstimate as Pose

_REQUIRED = ("image", "camera_pose", "object_mask", "background")


class AnomalyNode(PadNode):
    """Publishes exactly one AnomalyResult per image, whatever happens to it."""

    kind = "anomaly"

    def configure(self) -> None:
        """Loads the product."""
        self.inspector = self.inspector_factory(self.value("product"))
        self._results = self.publisher(AnomalyResult, "anomaly", "results")
        self._pictures = {
            name: self.publisher(Image, f"anomaly/{name}", "pictures") for name in ("heatmap", "overlay", "reference")
        }
        self._background_arrived = 0.0

    def activate(self) -> None:
        """Warms up on the twin, and subscribes."""
        warm_up(self.inspector, self._judge_twin)
        self._joiner = Joiner(
            _REQUIRED,
            ("part_view",),
            timeout=self.value("join_timeout"),
            capacity=3 * self.value("queue_size"),  # of this node and of those before it
            enough=_is_hopeless,
        )
        self.worker = Worker(self._process, self.value("queue_size"))
        self._views = self.subscribe(PartView, "part_view", lambda message: self._on_message("part_view", message))
        # Masks and pictures too: as deep as the images' queue, or one that a burst pushes out costs its image a result.
        for kind, topic in ((PoseEstimate, "camera_pose"), (Image, "object_mask"), (Image, "background")):
            self.subscribe(kind, topic, lambda message, topic=topic: self._on_message(topic, message), "results")
        self.subscribe_images(lambda message: self._on_message("image", message))
        self.every(0.1, lambda: self._take(self._joiner.expire()))

    def diagnostics(self) -> dict[str, str]:
        """The product, the stamps that wait, and messages that came twice."""
        inspector, joiner = getattr(self, "inspector", None), getattr(self, "_joiner", None)
        return {
            "product": inspector.product.name if inspector else "",
            "joining": str(len(joiner or ())),
            "duplicates": str(joiner.ignored if joiner else 0),
        }

    def _on_message(self, topic: str, message: Any) -> None:
        if topic == "image":
            self._joiner.expect_optional = self._views.get_publisher_count() > 0
        self._take(self._joiner.add(topic, convert.stamp_of(message.header), message))

    def _take(self, outcomes: list[Joined]) -> None:
        for joined in outcomes:
            if joined.missing:
                self.health.dropped()
                missing = ", ".join(joined.missing)
                failure = Inspection(Status.TIMEOUT, f"no {missing} came for this image; does its node run?")
                self._publish(joined, failure)
            elif self.worker is not None and not self.worker.submit(joined):
                self.health.dropped()
                self._publish(joined, Inspection(Status.ERROR, f"the queue of {self.value('queue_size')} is full"))

    def _process(self, joined: Joined) -> None:
        start = time.perf_counter()
        timings = {"localization": float(joined.messages["camera_pose"].milliseconds)}
        try:
            inspection = self._judge(joined, timings)
        except InspectionError as error:
            inspection = Inspection(Status.of(error), str(error))
        except Exception as error:  # a defect of ours must not stop the line
            self.get_logger().error(f"inspection failed: {type(error).__name__}: {error}")
            inspection = Inspection(Status.ERROR, f"{type(error).__name__}: {error}")
        inspection.timings = {**timings, "total": sum(timings.values())}
        self._publish(joined, inspection)
        self.health.done(1000.0 * (time.perf_counter() - start))

    def _judge(self, joined: Joined, timings: dict[str, float]) -> Inspection:
        estimate = joined.messages["camera_pose"]
        if estimate.status != Status.OK:
            return Inspection(Status(estimate.status), estimate.reason)
        mask_message = joined.messages["object_mask"]
        background_ms = self._background_milliseconds(joined)
        pose = Pose(
            convert.matrix_from_pose(estimate.pose), estimate.inliers, estimate.matches, estimate.reprojection_error
        )
        if mask_message.height == 0:
            return Inspection(Status.ERROR, "the background node failed on this image; its log says why", pose=pose)
        mask = convert.pixels_from_message(mask_message) > 0
        if not mask.any():
            raise NoObjectError("no part is visible in the image")
        image = self.inspector.prepare(convert.image_from_message(joined.messages["image"]))
        moments = [time.perf_counter()]
        reference = self.inspector.render(pose.object_from_camera)
        moments.append(time.perf_counter())
        background = Background(mask, convert.image_from_message(joined.messages["background"]))
        inspection = self.inspector.report(self.inspector.judge(image, pose, reference, background))
        moments.append(time.perf_counter())
        render_ms, anomaly_ms = 1000.0 * np.diff(moments)
        timings.update(render=float(render_ms), background=background_ms, anomaly=float(anomaly_ms))
        return inspection

    def _judge_twin(self, pose: np.ndarray, reference: Reference) -> None:
        background = Background(reference.mask, reference.image)
        self.inspector.judge(reference.image, Pose(pose, 0, 0, 0.0), reference, background)

    def _background_milliseconds(self, joined: Joined) -> float:
        """How long the background node worked: from what it waited for last to its answer."""
        arrived = joined.arrived
        begin = max(arrived["camera_pose"], arrived["image"], self._background_arrived)
        self._background_arrived = arrived["background"]
        return 1000.0 * max(0.0, arrived["background"] - begin)

    def _publish(self, joined: Joined, inspection: Inspection) -> None:
        messages = joined.messages
        header: Header = next(messages[topic].header for topic in _REQUIRED if topic in messages)
        if self.value("publish_images") and "image" in messages:
            self._publish_pictures(header, messages["image"], inspection)
        product = self.inspector.product
        view = view_of(header, messages.get("part_view"))
        if inspection.status != Status.OK:
            self.health.failed(inspection.reason)
        self._results.publish(result_message(header, inspection, view, product.name, product.checksum))

    def _publish_pictures(self, header: Header, message: Any, inspection: Inspection) -> None:
        try:
            image = convert.image_from_message(message)
        except ImageError:
            return  # nothing to draw on
        self._pictures["overlay"].publish(convert.image_message(header, draw_overlay(image, inspection), "rgb8"))
        if inspection.anomaly_map is not None:
            heatmap = np.asarray(inspection.anomaly_map, np.float32)
            self._pictures["heatmap"].publish(convert.image_message(header, heatmap, "32FC1"))
        if inspection.reference is not None:
            self._pictures["reference"].publish(convert.image_message(header, inspection.reference.image, "rgb8"))


def _is_hopeless(messages: dict[str, Any]) -> bool:
    """Whether an image that came has no pose, so that nothing else of it matters."""
    return "image" in messages and "camera_pose" in messages and messages["camera_pose"].status != Status.OK


def main() -> int:
    """Runs the node."""
    return run(AnomalyNode)


if __name__ == "__main__":
    sys.exit(main())
