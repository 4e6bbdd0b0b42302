"""The twin as points."""

import numpy as np
import pytest

pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")

from std_msgs.msg import Header

from pad_ros.common.resources import share_folder
from pad_ros.nodes.clouds import twin_points
from pad_ros.nodes.convert import cloud_message
from pad_ros.product import Product

pytestmark = pytest.mark.ros


def test_the_twin_is_where_its_map_is_and_has_its_colours():
    product = Product.load(share_folder() / "sample" / "product")
    points, colours = twin_points(product.gaussians)
    assert points.shape == colours.shape and colours.dtype == np.uint8 and len(points) <= 100_000
    low, high = np.percentile(product.sfm_map.points, (5, 95), axis=0)
    inside = ((points > low - 0.2 * (high - low)) & (points < high + 0.2 * (high - low))).all(axis=1)
    assert inside.mean() > 0.8
    assert np.abs(colours.mean(axis=0) - product.sfm_map.colors.mean(axis=0)).max() < 60
    message = cloud_message(Header(), points, colours)
    assert message.width == len(points) and len(message.data) == 16 * len(points)
