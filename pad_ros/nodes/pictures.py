"""What the anomaly node shows beside its verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pad_ros.errors import ImageError
from pad_ros.evaluation.overlay import draw_heatmap, draw_overlay
from pad_ros.nodes import convert
from pad_ros.nodes.common import PadNode
from pad_ros.results import Inspection


class Pictures:
    """Publishes the heatmap as it is (32FC1) and in colours, overlay and reference (rgb8) of an inspection."""

    def __init__(self, node: PadNode) -> None:
        names = ("heatmap", "heatmap/colour", "overlay", "reference")
        self._publishers = {name: node.publisher(Image, f"anomaly/{name}", "pictures") for name in names}

    def publish(self, header: Header, message: Any, inspection: Inspection) -> None:
        """Publishes what there is to see; `message` is the image that was inspected."""
        try:
            image = convert.image_from_message(message)
        except ImageError:
            return  # nothing to draw on
        self._publishers["overlay"].publish(convert.image_message(header, draw_overlay(image, inspection), "rgb8"))
        if inspection.anomaly_map is not None:
            heatmap = np.asarray(inspection.anomaly_map, np.float32)
            self._publishers["heatmap"].publish(convert.image_message(header, heatmap, "32FC1"))
            coloured = draw_heatmap(heatmap, inspection.threshold)
            self._publishers["heatmap/colour"].publish(convert.image_message(header, coloured, "rgb8"))
        if inspection.reference is not None:
            reference = convert.image_message(header, inspection.reference.image, "rgb8")
            self._publishers["reference"].publish(reference)
