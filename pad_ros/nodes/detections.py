"""Results as vision_msgs/Detection2DArray too, where that package is installed: many tools know no other boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pad_ros.msg import AnomalyResult
from pad_ros.nodes.common import PadNode
from pad_ros.results import RegionKind


def detections_publisher(node: PadNode) -> Callable[[AnomalyResult], None]:
    """Publishes a result's regions as `anomaly/detections`; does nothing where there is no vision_msgs."""
    try:
        from vision_msgs.msg import Detection2DArray
    except ImportError:  # not among the wheels
        return lambda result: None
    publisher = node.publisher(Detection2DArray, "anomaly/detections", "results")
    return lambda result: publisher.publish(detections_message(result))


def detections_message(result: AnomalyResult) -> Any:
    """Makes the Detection2DArray of a result: a box for each region, with its kind and its peak in thresholds.

    An image that could not be judged has none: what looks at boxes alone must look at `anomaly` too.
    """
    from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesis, ObjectHypothesisWithPose

    detections = []
    for number, region in enumerate(result.regions):
        box = BoundingBox2D(size_x=float(region.box.width), size_y=float(region.box.height))
        box.center.position.x = region.box.x_offset + region.box.width / 2.0
        box.center.position.y = region.box.y_offset + region.box.height / 2.0
        score = region.peak / result.threshold if result.threshold > 0 else region.peak
        hypothesis = ObjectHypothesis(class_id=RegionKind(region.kind).name.lower(), score=float(score))
        detections.append(
            Detection2D(
                header=result.header,
                results=[ObjectHypothesisWithPose(hypothesis=hypothesis)],
                bbox=box,
                id=f"{result.part_id}/{result.view_index}/{number}",
            )
        )
    return Detection2DArray(header=result.header, detections=detections)
