import math

import numpy as np
import pytest

from pad_ros.synthesis.assembly import Assembly, Part, translation
from pad_ros.synthesis.bricks import brick, pane_frame
from pad_ros.synthesis.materials import PALETTE
from pad_ros.synthesis.planning import SynthesisSettings, TestImage
from pad_ros.synthesis.statistics import class_statistics, holes, roundness

SETTINGS = SynthesisSettings(train=6)


def disc(radius, size=200):
    y, x = np.mgrid[:size, :size] - size / 2
    return np.hypot(x, y) < radius


def test_roundness_of_known_shapes():
    assert roundness(disc(80)) == pytest.approx(1.0, abs=0.05)
    square = np.zeros((200, 200), dtype=bool)
    square[:, 20:180] = True  # up to the border
    assert roundness(square) == pytest.approx((2 * 360 * math.pi / 4) ** 2 / (4 * math.pi * 160 * 200))
    ring = disc(80) & ~disc(60)
    assert roundness(ring) == pytest.approx((80 + 60) ** 2 / (80**2 - 60**2), rel=0.05)


def test_holes_are_counted_without_specks():
    mask = disc(90)
    assert holes(mask) == 0
    mask[80:90, 80:90] = mask[110:120, 110:120] = False
    mask[60, 100] = False  # a speck
    assert holes(mask) == 2
    mask[85, :85] = False  # now one of them is a bay
    assert holes(mask) == 1


def image(label, defect, size):
    masks = [np.arange(100).reshape(10, 10) < count for count in (size, defect)]
    return TestImage("f", label, 0, np.eye(4), {}, *masks)


def test_a_class_in_numbers():
    parts = [("frame", pane_frame(6, 20), "red"), ("brick", brick(6, 2), "red"), ("small", brick(1, 1), "blue")]
    model = Assembly(
        "m", tuple(Part(n, m, translation(0, 0.02 * i, 0), PALETTE[c]) for i, (n, m, c) in enumerate(parts))
    )
    images = [image("good", 0, 50), image("added", 5, 50), image("colour", 10, 50), image("good", 0, 50)]
    found = class_statistics(model, SETTINGS, images)
    assert (found.parts, found.colours, found.anomalous) == (3, 2, 0.5)
    assert 2 < found.visible_parts <= 3 and 0 < found.holes < 2
    assert found.image_share.median == pytest.approx(0.075) and found.object_share.median == pytest.approx(0.15)
    assert found.image_share.low == pytest.approx(0.055) and found.image_share.high == pytest.approx(0.095)
    plain = class_statistics(Assembly("m", model.parts[1:2]), SETTINGS, [])
    assert plain.complexity < found.complexity and plain.holes == 0 and math.isnan(plain.image_share.median)
