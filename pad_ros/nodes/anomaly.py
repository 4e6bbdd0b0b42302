"""The anomaly node: joins what the others found of an image and says one verdict."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pad_ros.errors import InspectionError
from pad_ros.msg import AnomalyResult, PartView, PoseEstimate
from pad_ros.nodes import convert
from pad_ros.nodes.detections import detections_publisher
from pad_ros.nodes.join import Joined, Joiner
from pad_ros.nodes.judging import judge
from pad_ros.nodes.ledger import Ledger
from pad_ros.nodes.pictures import Pictures
from pad_ros.nodes.product_node import InspectorNode
from pad_ros.nodes.runner import run
from pad_ros.nodes.threshold import ThresholdService
from pad_ros.nodes.verdicts import result_message, view_of
from pad_ros.nodes.warm_up import warm_up
from pad_ros.nodes.worker import Worker
from pad_ros.results import Background, Inspection, Reference, Status
from pad_ros.results import PoseEstimate as Pose

_REQUIRED = ("image", "camera_pose", "object_mask", "background")
_GRACE_S = 3.0  # for a part_view that stands still while the rest is there: a burst loses some, which come again


class AnomalyNode(InspectorNode):
    """Publishes exactly one AnomalyResult per image, whatever happens to it.

    An image has its result also when its stamp is another's, when this node is stopped before it is judged, and when
    this node's process is killed and started again (by the poses that the localization node keeps, and the journal).
    """

    kind = "anomaly"

    def __init__(self) -> None:
        """Offers the services."""
        super().__init__()
        self._threshold = ThresholdService(self)

    def configure(self) -> None:
        """Loads the product."""
        self.use_product(self.inspector_factory(self.value("product")))
        self._results = self.publisher(AnomalyResult, "anomaly", "results")
        self._publish_detections = detections_publisher(self)
        self._pictures = Pictures(self)
        self._ledger = Ledger(self.value("journal"))
        self._joiner = Joiner(
            _REQUIRED,
            ("part_view",),
            timeout=self.value("join_timeout"),
            capacity=3 * self.value("queue_size"),  # of this node and of those before it
            enough=_is_hopeless,
            answered=self._ledger.answered,
            run=self._ledger.run,
            grace=min(_GRACE_S, self.value("join_timeout")),
        )
        self._background_arrived = 0.0

    def activate(self) -> None:
        """Warms up on the twin, and subscribes."""
        self.warm_up(self.inspector)
        while self._ledger.unsaid:  # by a process before this one; who heard it knows it by its arrival
            self._results.publish(deserialize_message(self._ledger.unsaid.pop(0), AnomalyResult))
        self.worker = Worker(self._process, self.value("queue_size"))
        self._views = self.subscribe(PartView, "part_view", lambda message: self._on_message("part_view", message))
        # Masks and pictures too: as deep as the images' queue, or one that a burst pushes out costs its image a result.
        for kind, topic in ((PoseEstimate, "camera_pose"), (Image, "object_mask"), (Image, "background")):
            self.subscribe(kind, topic, lambda message, topic=topic: self._on_message(topic, message), "results")
        self.subscribe_images(lambda message: self._on_message("image", message))
        self.every(0.1, lambda: self._take(self._joiner.expire()))

    def warm_up(self, inspector: Any) -> None:
        """Judges the twin."""

        def judge_twin(pose: np.ndarray, reference: Reference) -> None:
            background = Background(reference.mask, reference.image)
            inspector.judge(reference.image, Pose(pose, 0, 0, 0.0), reference, background)

        warm_up(inspector, judge_twin)

    def use_product(self, read: Any) -> None:
        """The threshold that was set is that of the product that it was set for."""
        super().use_product(read)
        self._threshold.restore()

    def warning(self) -> str:
        """That the threshold is not the product's."""
        return self._threshold.warning() if self.configured else ""

    def diagnostics(self) -> dict[str, str]:
        """The product, the threshold, the stamps that wait, and what came twice."""
        if not self.configured:
            return {}
        return {
            **super().diagnostics(),
            **self._threshold.diagnostics(),
            "joining": str(len(self._joiner)),
            "duplicates": str(self._joiner.duplicates + self._joiner.ignored),
            "history": str(self._joiner.history),
        }

    def left_over(self, items: list[Any]) -> None:
        """Answers for what will not be judged any more."""
        for joined in [*items, *self._joiner.give_up()]:
            self._publish(joined, Inspection(Status.ERROR, "the anomaly node was stopped before it judged this image"))

    def _on_message(self, topic: str, message: Any) -> None:
        if topic == "image":
            self._joiner.expect_optional = self._views.get_publisher_count() > 0
        self._take(self._joiner.add(topic, convert.stamp_of(message.header), message))

    def _take(self, outcomes: list[Joined]) -> None:
        for joined in outcomes:
            if joined.duplicate:
                reason = f"the stamp {joined.stamp} was used by an image before; the camera must stamp each image anew"
                self.get_logger().warning(reason)
                self.health.warn("duplicate stamps", "images with the stamp of another")
                self._publish(joined, Inspection(Status.ERROR, reason))
            elif joined.missing:
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
            inspection = judge(self.inspector, joined, self._background_milliseconds(joined), timings)
        except InspectionError as error:
            inspection = Inspection(Status.of(error), str(error))
        except Exception as error:  # a defect of ours must not stop the line
            self.get_logger().error(f"inspection failed: {type(error).__name__}: {error}")
            inspection = Inspection(Status.ERROR, f"{type(error).__name__}: {error}")
        inspection.timings = {**timings, "total": sum(timings.values())}
        self._publish(joined, inspection)
        self.health.done(1000.0 * (time.perf_counter() - start))

    def _background_milliseconds(self, joined: Joined) -> float:
        """How long the background node worked: from what it waited for last to its answer."""
        arrived = joined.arrived
        if "background" not in arrived or "image" not in arrived:
            return 0.0  # it is not judged
        begin = max(arrived["camera_pose"], arrived["image"], self._background_arrived)
        self._background_arrived = arrived["background"]
        return 1000.0 * max(0.0, arrived["background"] - begin)

    def _publish(self, joined: Joined, inspection: Inspection) -> None:
        messages = joined.messages
        header: Header = next(messages[topic].header for topic in _REQUIRED if topic in messages)
        if self.value("publish_images") and "image" in messages and not joined.duplicate:
            self._pictures.publish(header, messages["image"], inspection)
        if inspection.status != Status.OK:
            self.health.failed(inspection.reason)
        view = view_of(header, messages.get("part_view"), self._joiner.duplicates if joined.duplicate else 0)
        result = result_message(header, inspection, view, self.inspector.product.name, self.inspector.product.checksum)
        result.run = joined.run
        result.arrival = round(1e9 * joined.arrived.get("image", min(joined.arrived.values())))
        self._note(self._ledger.begin, joined.run, joined.stamp, serialize_message(result))
        self._results.publish(result)
        self._publish_detections(result)
        self._note(self._ledger.done, joined.run, joined.stamp)

    def _note(self, note: Callable[..., None], *what: Any) -> None:
        try:
            note(*what)
        except OSError as error:  # the result goes out all the same
            self.health.warn("journal", f"the journal cannot be written ({error.strerror})")


def _is_hopeless(messages: dict[str, Any]) -> bool:
    """Whether an image that came has no pose, so that nothing else of it matters."""
    return "image" in messages and "camera_pose" in messages and messages["camera_pose"].status != Status.OK


def main() -> int:
    """Runs the node."""
    return run(AnomalyNode)


if __name__ == "__main__":
    sys.exit(main())
