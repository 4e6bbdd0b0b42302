import cv2
import numpy as np
import pytest
from disc_scene import SIZE, box, check_silhouettes_without_sense, disc, iou, make_belt, make_scene

from pad_ros.background.segmentation import create_segmenter
from pad_ros.errors import ConfigError, NoObjectError


@pytest.fixture
def segmenter():
    return create_segmenter({"name": "grabcut"})


def test_finds_the_part_from_a_silhouette_that_is_slightly_wrong(segmenter):
    part = disc(50)
    scene = make_scene(part)
    found = segmenter.segment(scene.image, disc(50, (102, 101)))
    assert found.dtype == bool
    assert iou(found, part) > 0.96


def test_finds_a_dark_part_on_a_belt_with_dark_gaps(segmenter):
    part = disc(50)
    assert iou(segmenter.segment(make_scene(part, colour=(25, 25, 27)).image, part), part) > 0.9


@pytest.mark.parametrize("colour", [(240, 200, 40), (15, 15, 18), (85, 50, 35), (240, 240, 235)])
def test_finds_a_part_that_sticks_out_of_the_silhouette(segmenter, colour):
    part, added = disc(50), box(142, 85, 24, 16)  # clear of the gaps between the plates
    found = segmenter.segment(make_scene(part, extra=added, extra_colour=colour).image, part)
    outside = added & ~part
    assert found[outside].mean() > 0.85
    assert iou(found, part | added) > 0.95


def test_leaves_out_the_shadow(segmenter):
    part = disc(50)
    found = segmenter.segment(make_scene(part).image, part)
    assert (found & ~disc(54)).sum() < 30


def test_leaves_out_what_the_belt_passes_into_without_an_edge(segmenter):
    part = disc(50)
    scene = make_scene(part)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    glow = np.exp(-((x - 160) ** 2 + (y - 100) ** 2) / (2 * 18.0**2))[..., None] * ~part[..., None]  # a lamp's
    image = np.clip(scene.image + glow * np.array([90, -60, -90]), 0, 255).astype(np.uint8)
    assert (segmenter.segment(image, part) & ~disc(54)).sum() < 30


def test_leaves_out_what_does_not_touch_the_part(segmenter):
    part, loose = disc(50), box(10, 10, 16, 16)
    found = segmenter.segment(make_scene(part, extra=loose).image, part)
    assert not found[loose].any()


def test_keeps_holes_open(segmenter):
    part = disc(50) & ~disc(14)
    found = segmenter.segment(make_scene(part).image, part)
    assert found[disc(11)].mean() < 0.05
    assert iou(found, part) > 0.95


def test_a_part_missing_at_the_rim_is_not_found(segmenter):
    silhouette = disc(50) | box(145, 92, 20, 16)
    found = segmenter.segment(make_scene(disc(50)).image, silhouette)
    assert found[box(153, 93, 11, 14)].mean() < 0.2


def test_is_deterministic(segmenter):
    scene = make_scene(disc(50), extra=box(140, 90, 24, 14))
    first = segmenter.segment(scene.image, scene.part)
    np.random.default_rng().random()
    assert (segmenter.segment(scene.image, scene.part) == first).all()


def test_works_at_the_border_of_the_image(segmenter):
    part = disc(50, (20, 30))
    assert iou(segmenter.segment(make_scene(part).image, part), part) > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_refuses_an_empty_belt(segmenter, seed):
    with pytest.raises(NoObjectError, match="no part there"):
        segmenter.segment(make_belt(seed), disc(50))


@pytest.mark.parametrize("value", [0, 255, 128])
def test_refuses_a_flat_image(segmenter, value):
    with pytest.raises(NoObjectError):
        segmenter.segment(np.full((SIZE, SIZE, 3), value, np.uint8), disc(50))


def test_refuses_silhouettes_without_sense(segmenter):
    check_silhouettes_without_sense(segmenter)


@pytest.mark.parametrize("setting", [{"ring": 0}, {"ring": 2}, {"edge": 0}, {"iterations": 0}, {"colour": 1}])
def test_refuses_bad_settings(setting):
    with pytest.raises(ConfigError):
        create_segmenter({"name": "grabcut", **setting})


def test_large_images_are_looked_at_shrunk():
    part, added = disc(50), box(142, 85, 24, 16)
    scene = make_scene(part, extra=added)
    large = cv2.resize(scene.image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    whole, all_of_it = (np.kron(mask, np.ones((3, 3), bool)) for mask in (part, part | added))
    found = create_segmenter({"name": "grabcut", "size": 200}).segment(large, whole)
    assert found.shape == whole.shape and iou(found, all_of_it) > 0.94
