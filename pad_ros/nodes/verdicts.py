"""Between `Inspection` and the message AnomalyResult."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
from sensor_msgs.msg import RegionOfInterest
from std_msgs.msg import Header

from pad_ros.common.identity import Identity
from pad_ros.conveyor.decision import Decision
from pad_ros.msg import AnomalyRegion, AnomalyResult, PartView
from pad_ros.nodes.convert import matrix_from_pose, pose_message, stamp_of
from pad_ros.results import Inspection, PoseEstimate, Region, RegionKind, Status


@dataclass(frozen=True)
class View:
    """Which part an image shows."""

    part_id: str
    view_index: int = 0
    view_count: int = 1


def view_of(header: Header, message: PartView | None, repeated: int = 0) -> View:
    """The view that a PartView names; without one, the image is a part of its own, also when its stamp is repeated."""
    if message is None:
        return View(f"image {stamp_of(header)}" + (f" (repeated stamp {repeated})" if repeated else ""))
    return View(message.part_id, message.view_index, message.view_count)


def result_message(header: Header, inspection: Inspection, view: View, product: str, checksum: str) -> AnomalyResult:
    """Makes the message of a verdict."""
    message = AnomalyResult(
        header=header,
        product=product,
        product_checksum=checksum,
        part_id=view.part_id,
        view_index=view.view_index,
        view_count=view.view_count,
        status=int(inspection.status),
        reason=inspection.reason,
        score=float(inspection.score),
        threshold=float(inspection.threshold),
        anomalous=bool(inspection.anomalous),
        regions=[_region_message(region) for region in inspection.regions],
        evidence=array("B", inspection.evidence),
        stages=list(inspection.timings),
        milliseconds=[float(ms) for ms in inspection.timings.values()],
    )
    if inspection.pose is not None:
        message.camera_pose = pose_message(inspection.pose.object_from_camera)
        message.inliers = inspection.pose.inliers
    return message


def inspection_from_message(message: Any) -> Inspection:
    """Reads the verdict that a message holds; what it does not hold (arrays, matches) stays None or 0."""
    pose = None
    if message.inliers > 0:
        pose = PoseEstimate(matrix_from_pose(message.camera_pose), message.inliers, 0, float("nan"))
    return Inspection(
        status=Status(message.status),
        reason=message.reason,
        score=message.score,
        threshold=message.threshold,
        anomalous=message.anomalous,
        regions=[_region(region) for region in message.regions],
        evidence=bytes(message.evidence),
        pose=pose,
        timings=dict(zip(message.stages, map(float, message.milliseconds), strict=True)),
    )


UNJUDGED = {"status": Status.ERROR, "score": math.nan, "anomalous": True}


def verdict_by(message: Any, product: Identity | None) -> dict[str, Any] | None:
    """A view's verdict, in the words of `PartTracker.add`; None when another product than this one has judged it."""
    if product is not None and message.product_checksum not in ("", product.checksum):
        return None
    verdict = {"status": Status(message.status), "score": message.score, "anomalous": message.anomalous}
    return {**verdict, "evidence": bytes(message.evidence)}


def decision_from_message(message: Any) -> Decision:
    """Reads the decision that a command tells; what it does not tell (the views' arrivals) stays empty."""
    return Decision(
        part_id=message.part_id,
        reject=message.reject,
        reason=message.reason,
        score=message.score,
        views=message.views,
        stamp_s=stamp_of(message.header) / 1e9,
        gate_time_s=(message.gate_time.sec * 10**9 + message.gate_time.nanosec) / 1e9,
        sequence=message.sequence,
    )


def _region_message(region: Region) -> AnomalyRegion:
    x, y, width, height = map(int, region.box)
    box = RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height)
    return AnomalyRegion(kind=int(region.kind), box=box, peak=float(np.float32(region.peak)), area=int(region.area))


def _region(message: Any) -> Region:
    box = message.box
    return Region(
        RegionKind(message.kind), (box.x_offset, box.y_offset, box.width, box.height), message.peak, message.area
    )
