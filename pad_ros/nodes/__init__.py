"""The ROS nodes: each converts messages, calls the core and publishes."""

from pad_ros.quiet import quiet_opencv

quiet_opencv()
