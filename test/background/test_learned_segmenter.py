"""The network has seen LEGO and heaps on belts; the scenes here are drawn, and like none of these."""

import cv2
import numpy as np
import pytest
from disc_scene import SIZE, box, check_silhouettes_without_sense, disc, iou, make_belt, make_scene

from pad_ros.background.segmentation import create_segmenter
from pad_ros.background.segmentation.learned import CHANNELS, SILHOUETTE, STRIDE, LearnedSegmenter, network_input
from pad_ros.background.segmentation.surroundings import Surroundings
from pad_ros.errors import ConfigError, NoObjectError, ProductError


@pytest.fixture(scope="module")
def segmenter():
    return create_segmenter({"name": "learned"})


def test_finds_the_part_from_a_silhouette_that_is_slightly_wrong(segmenter):
    part = disc(50)
    found = segmenter.segment(make_scene(part).image, disc(50, (102, 101)))
    assert found.dtype == bool and iou(found, part) > 0.95


@pytest.mark.parametrize("colour", [(240, 200, 40), (15, 15, 18), (85, 50, 35), (240, 240, 235)])
def test_finds_a_part_that_sticks_out_of_the_silhouette(segmenter, colour):
    part, added = disc(50), box(142, 85, 24, 16)
    found = segmenter.segment(make_scene(part, extra=added, extra_colour=colour).image, part)
    assert found[added & ~part].mean() > 0.8 and iou(found, part | added) > 0.95


def test_leaves_out_the_shadow(segmenter):
    part = disc(50)
    assert (segmenter.segment(make_scene(part).image, part) & ~disc(54)).sum() < 30


def test_leaves_out_what_does_not_touch_the_part(segmenter):
    part, loose = disc(50), box(10, 10, 16, 16)
    assert not segmenter.segment(make_scene(part, extra=loose).image, part)[loose].any()


def test_keeps_holes_open(segmenter):
    part = disc(50) & ~disc(14)
    found = segmenter.segment(make_scene(part).image, part)
    assert found[disc(11)].mean() < 0.05 and iou(found, part) > 0.94


def test_is_deterministic_and_works_at_the_border_of_the_image(segmenter):
    part = disc(50, (20, 30))
    scene = make_scene(part)
    found = segmenter.segment(scene.image, part)
    assert iou(found, part) > 0.94
    np.testing.assert_array_equal(segmenter.segment(scene.image, part), found)


@pytest.mark.parametrize("image", [make_belt(0), make_belt(1), np.full((SIZE, SIZE, 3), 128, np.uint8)])
def test_refuses_a_place_without_a_part(segmenter, image):
    with pytest.raises(NoObjectError, match="no part there"):
        segmenter.segment(image, disc(50))


def test_refuses_silhouettes_without_sense(segmenter):
    check_silhouettes_without_sense(segmenter)


def test_large_images_are_looked_at_shrunk():
    part, added = disc(50), box(142, 85, 24, 16)
    large = cv2.resize(make_scene(part, extra=added).image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    whole, all_of_it = (np.kron(mask, np.ones((3, 3), bool)) for mask in (part, part | added))
    found = create_segmenter({"name": "learned", "size": 200}).segment(large, whole)
    assert found.shape == whole.shape and iou(found, all_of_it) > 0.94


def test_the_networks_input_is_within_its_range():
    planes = network_input(Surroundings.of(make_scene(disc(50)).image, disc(50), reach=20, edge=4))
    assert planes.shape == (CHANNELS, SIZE + -SIZE % STRIDE, SIZE + -SIZE % STRIDE)
    assert planes.min() >= -1 and planes.max() <= 1 and set(np.unique(planes[SILHOUETTE])) == {0, 1}


def test_says_which_weights_are_wrong(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="size"):
        create_segmenter({"name": "learned", "size": 10})
    with pytest.raises(ProductError, match="cannot be read"):
        create_segmenter({"name": "learned", "weights": str(tmp_path / "none.onnx")})
    altered = tmp_path / "part.onnx"
    altered.write_bytes(LearnedSegmenter.weights.read_bytes()[:-1])
    monkeypatch.setattr(LearnedSegmenter, "weights", altered)
    with pytest.raises(ProductError, match="altered"):
        create_segmenter({"name": "learned"})
