"""What the anomaly node does with the messages of one image."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from pad_ros.errors import NoObjectError
from pad_ros.nodes import convert
from pad_ros.nodes.join import Joined
from pad_ros.results import Background, Inspection, Status
from pad_ros.results import PoseEstimate as Pose

_OTHER_PRODUCT = "the pose was found with another product than this node's: call reload_product of all nodes"


def judge(inspector: Any, joined: Joined, background_ms: float, timings: dict[str, float]) -> Inspection:
    """Judges an image by its pose, mask and background, and adds how many milliseconds each stage took.

    What the node before has not found, or found with another product or for another image, is not judged.

    Raises:
        InspectionError: the image cannot be judged.
    """
    estimate = joined.messages["camera_pose"]
    if estimate.product_checksum != inspector.product.checksum:
        return Inspection(Status.ERROR, _OTHER_PRODUCT)
    if estimate.status != Status.OK:
        return Inspection(Status(estimate.status), estimate.reason)
    pose = Pose(
        convert.matrix_from_pose(estimate.pose), estimate.inliers, estimate.matches, estimate.reprojection_error
    )
    if joined.messages["object_mask"].height == 0:
        reason = "the background node failed on this image, or has another product; its log says why"
        return Inspection(Status.ERROR, reason, pose=pose)
    mask = convert.mask_from_message(joined.messages["object_mask"])
    if not mask.any():
        raise NoObjectError("no part is visible in the image")
    if estimate.image_checksum != convert.checksum_of(joined.messages["image"]):
        return Inspection(Status.ERROR, "the pose is that of another image with the same stamp")
    image = inspector.prepare(convert.image_from_message(joined.messages["image"]))
    moments = [time.perf_counter()]
    reference = inspector.render(pose.object_from_camera)
    moments.append(time.perf_counter())
    background = Background(mask, convert.image_from_message(joined.messages["background"]))
    inspection = inspector.report(inspector.judge(image, pose, reference, background))
    moments.append(time.perf_counter())
    render_ms, anomaly_ms = 1000.0 * np.diff(moments)
    timings.update(render=float(render_ms), background=background_ms, anomaly=float(anomaly_ms))
    return inspection
