"""What of ROS is installed, for `pad doctor`."""

from __future__ import annotations

from rclpy.utilities import get_rmw_implementation_identifier

from pad_ros.msg import AnomalyResult


def describe_ros() -> str:
    """Names the ROS client and middleware, after making one of the package's own messages."""
    AnomalyResult()
    return f"rclpy with {get_rmw_implementation_identifier()}, messages built"
