import cv2
import numpy as np
import pytest

from pad_ros.dataset.classes import ClassData, TestView
from pad_ros.geometry import Camera
from pad_ros.lens import Lens
from pad_ros.sources.bag_writer import write_bag

CAMERA = Camera(40, 30, 50.0, 51.0, 20.0, 15.0)


@pytest.fixture
def class_data(tmp_path):
    rng = np.random.default_rng(0)
    views = []
    for part in ("b", "a"):
        for view in (1, 0):  # neither in order
            path = tmp_path / f"{part}{view}.png"
            cv2.imwrite(str(path), rng.integers(0, 255, (30, 40, 3), dtype=np.uint8))
            views.append(TestView(path, "good", part, view, 2))
    return ClassData(tmp_path, Lens(CAMERA), [], views)


@pytest.fixture
def recorded(class_data, tmp_path):
    write_bag(class_data, tmp_path / "bag")
    return tmp_path / "bag"
