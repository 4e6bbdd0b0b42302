"""The ROS nodes: each converts messages, calls the core and publishes.

In: images. Out: exactly one AnomalyResult per image, one RejectCommand per part.
"""

from pad_ros.common.quiet import quiet_opencv

quiet_opencv()
