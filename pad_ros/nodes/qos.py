"""The QoS profiles, by name."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(depth: int, reliable: bool = True, kept: bool = False) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if kept else DurabilityPolicy.VOLATILE,
    )


QOS = {
    # Images of a camera: nothing is lost while a node is busy. What is not kept costs no memory once it is taken.
    "reliable": _profile(1000),
    # For a camera driver that publishes best effort: a reliable subscription would not match it.
    "sensor_data": _profile(50, reliable=False),
    # Poses, results and commands. Publishers keep them, because nodes that start together find each other at
    # different moments: the first message must not be lost to a neighbour that is found a second later.
    "results": _profile(1000, kept=True),
    # The same for publishers of masks and pictures, which are larger; who must lose none subscribes with "results".
    "pictures": _profile(30, kept=True),
    # For who looks at pictures now and then: the newest, in either reliability. It holds up no publisher.
    "newest_reliable": _profile(1),
    "newest_sensor_data": _profile(1, reliable=False),
    # What is said once and late comers need too: the map of the product.
    "latched": _profile(1, kept=True),
}
