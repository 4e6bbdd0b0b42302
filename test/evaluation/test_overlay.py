from dataclasses import replace

import numpy as np
import pytest
from evaluation_stage import failed, image_of, inspection_of

from pad_ros.evaluation.overlay import PASS_COLOR, REJECT_COLOR, UNJUDGED_COLOR, draw_heatmap, draw_overlay
from pad_ros.results import Region, RegionKind


def count(picture, color):
    return int((picture == np.array(color)).all(axis=2).sum())


@pytest.mark.parametrize(
    ("inspection", "color"),
    [
        (inspection_of(2.0, size=200), REJECT_COLOR),
        (inspection_of(0.5, size=200), PASS_COLOR),
        (failed(reason="a long reason " * 20), UNJUDGED_COLOR),
    ],
)
def test_the_banner_says_the_verdict(inspection, color):
    image = image_of(0, 200)
    before = image.copy()
    picture = draw_overlay(image, inspection)
    assert picture.shape == image.shape and picture.dtype == np.uint8
    np.testing.assert_array_equal(image, before)
    for other in (PASS_COLOR, REJECT_COLOR, UNJUDGED_COLOR):
        assert (count(picture, other) > 50) == (other == color)


def test_heat_is_only_where_it_is_anomalous():
    grey = np.full((200, 200, 3), 128, np.uint8)
    inspection = replace(inspection_of(2.0, size=200), reference=None, regions=[])
    picture = draw_overlay(grey, inspection).astype(int)
    inside = picture[33, 25]
    assert inside[0] > inside[2] + 60  # red over blue
    np.testing.assert_array_equal(picture[100, 100], [128, 128, 128])


def test_the_background_is_dimmed_and_the_part_is_not():
    image = image_of(0, 200)
    inspection = inspection_of(0.5, size=200)
    picture = draw_overlay(image, inspection)
    np.testing.assert_array_equal(picture[25:30, 25:30], image[25:30, 25:30])
    assert picture[100:150].mean() < 0.8 * image[100:150].mean()


@pytest.mark.parametrize("shape", [(16, 16, 3), (64, 300, 3), (300, 64, 3), (900, 900, 3)])
def test_any_size_and_many_regions_at_the_border(shape):
    height, width = shape[:2]
    regions = [
        Region(kind, (x, y, 4, 4), peak, 16)
        for kind, x, y, peak in [
            (RegionKind.MISSING, 0, 0, 2.0),
            (RegionKind.ADDED, width - 4, height - 4, float("inf")),
            (RegionKind.MODIFIED, width // 2, height // 2, 1.5),
        ]
        for _ in range(5)
    ]
    inspection = replace(inspection_of(2.0), regions=regions, anomaly_map=None, reference=None)
    assert draw_overlay(np.zeros(shape, np.uint8), inspection).shape == shape


def test_the_same_colour_means_the_same_share_of_the_threshold():
    ratios = np.array([[0.0, 1.0, 1.5, 9.0]], np.float32)
    picture = draw_heatmap(0.02 * ratios, 0.02)
    assert picture.shape == (1, 4, 3) and (picture == draw_heatmap(5 * ratios, 5.0)).all()
    nothing, threshold, above, far = picture[0].astype(int)
    assert nothing.max() < 80 and threshold[:2].min() > 180 > threshold[2] and above[0] > 2 * above[1:].max()
    assert (above - far).max() < 40 and (draw_heatmap(ratios, 0.0) == nothing).all()
