"""`~/set_threshold` of the anomaly node."""

from __future__ import annotations

import math
from typing import Any

from pad_ros.nodes.product_node import InspectorNode
from pad_ros.srv import SetThreshold


class ThresholdService:
    """Lets others set the threshold of image scores; it holds as long as the product does, also over a crash."""

    def __init__(self, node: InspectorNode) -> None:
        self._node = node
        node.create_service(SetThreshold, "~/set_threshold", self._set)

    def restore(self) -> None:
        """Gives a new inspector the threshold that was set for its product."""
        if self._node.choices.get("threshold_of") == self._node.inspector.product.checksum:
            self._node.inspector.threshold = self._node.choices.get("threshold")
        elif self._node.choices.get("threshold") is not None:
            self._node.get_logger().info("the threshold that was set ends with the product that it was set for")
            self._node.keep(threshold=None, threshold_of=None)

    def diagnostics(self) -> dict[str, str]:
        """The threshold, and the product's own."""
        inspector = self._node.inspector
        return {
            "threshold": f"{inspector.threshold:.6g}",
            "product threshold": f"{inspector.product.calibration.threshold:.6g}",
        }

    def warning(self) -> str:
        """That the threshold is not the product's."""
        inspector = self._node.inspector
        own = inspector.product.calibration.threshold
        if inspector.threshold == own:
            return ""
        return f"the threshold was set to {inspector.threshold:.6g}; the product's is {own:.6g}"

    def _set(self, request: Any, answer: Any) -> Any:
        value = request.threshold
        if not self._node.configured:
            answer.message = "the node is not configured yet"
        elif math.isinf(value) or value <= 0:
            answer.message = f"a threshold must be finite and above 0, got {value}; NaN gives the product's own"
        else:
            inspector = self._node.inspector
            own = math.isnan(value)
            inspector.threshold = inspector.product.calibration.threshold if own else value
            chosen = {"threshold": None if own else value, "threshold_of": None if own else inspector.product.checksum}
            answer.message = f"the threshold is {inspector.threshold:.6g}" + ", the product's own" * own
            answer.message += self._node.keep(**chosen)
            answer.success = True
        self._node.get_logger().info(answer.message)
        return answer
