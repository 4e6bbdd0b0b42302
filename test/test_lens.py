import cv2
import numpy as np
import pytest

from pad_ros.errors import ConfigError
from pad_ros.geometry import Camera
from pad_ros.lens import Lens, Undistorter, largest_shift, ros_distortion
from pad_ros.results import Region, RegionKind

pycolmap = pytest.importorskip("pycolmap")

CAMERA = Camera(200, 160, 270.0, 280.0, 108.0, 74.0)
LENSES = {
    "barrel": Lens(CAMERA, "plumb_bob", (-0.25, 0.0, 0.0, 0.0, 0.0)),
    "pincushion": Lens(CAMERA, "plumb_bob", (0.3, 0.1, 0.01, -0.008, 0.05)),
    "rational": Lens(CAMERA, "rational_polynomial", (0.3, 0.1, 0.001, 0.002, 0.1, 0.5, 0.05, 0.01)),
    "fisheye": Lens(CAMERA, "equidistant", (0.05, -0.01, 0.02, -0.005)),
    "plain fisheye": Lens(CAMERA, "equidistant", (0.0,) * 4),
}
every_lens = pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)


def points_inside(margin=0.0, count=300):
    low, high = [margin, margin], [CAMERA.width - margin, CAMERA.height - margin]
    return np.random.default_rng(0).uniform(low, high, (count, 2))


def colmap_camera(lens):
    camera, numbers = lens.camera, list(lens.coefficients)
    name = "OPENCV_FISHEYE" if lens.model == "equidistant" else "FULL_OPENCV"
    params = [camera.fx, camera.fy, camera.cx, camera.cy, *numbers, *[0.0] * (3 * (lens.model == "plumb_bob"))]
    return pycolmap.Camera(model=name, width=camera.width, height=camera.height, params=params)


def smooth_picture():
    """Blobs of a few pixels, so that a shift by a fraction of one shows."""
    noise = np.random.default_rng(1).normal(0, 1, (CAMERA.height, CAMERA.width, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 3.0)
    return np.clip(128 + 40 * blurred / blurred.std(), 0, 255).astype(np.uint8)


@every_lens
def test_lenses_distort_as_colmap_says(lens):
    points = points_inside()
    rays = (points - [CAMERA.cx, CAMERA.cy]) / [CAMERA.fx, CAMERA.fy]
    np.testing.assert_allclose(lens.distort(points), colmap_camera(lens).img_from_cam(np.c_[rays, np.ones(len(rays))]))
    assert np.abs(lens.distort(points) - points).max() > 1.0  # else this compares nothing


@every_lens
def test_undistorting_is_the_way_back(lens):
    points = points_inside()
    np.testing.assert_allclose(lens.undistort(lens.distort(points)), points, atol=1e-3)


@every_lens
def test_a_dot_lands_where_the_ideal_camera_shows_it(lens):
    """To a twentieth of a pixel, so that no half pixel is lost between conventions."""
    undistorter = Undistorter(lens)
    rows, columns = np.mgrid[: CAMERA.height, : CAMERA.width] + 0.5
    for point in points_inside(margin=30.0, count=5):
        x, y = lens.distort(point[None])[0]
        dot = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 2.5**2))
        seen = undistorter.undistort(np.repeat(dot[..., None], 3, axis=2).astype(np.uint8))[..., 0].astype(float)
        found = (seen * columns).sum() / seen.sum(), (seen * rows).sum() / seen.sum()
        np.testing.assert_allclose(found, point, atol=0.05)


@every_lens
def test_pictures_maps_and_masks_go_there_and_back(lens):
    undistorter, picture = Undistorter(lens), smooth_picture()
    raw = undistorter.distort(picture)
    inside = cv2.erode((undistorter.seen).astype(np.uint8), np.ones((9, 9))) > 0
    inside[:5] = inside[-5:] = inside[:, :5] = inside[:, -5:] = False
    assert np.abs(undistorter.undistort(raw).astype(int) - picture)[inside].mean() < 1.0
    assert np.abs(raw.astype(int) - picture)[inside].mean() > 5.0

    heat = picture[..., 0].astype(np.float32)
    brought = undistorter.distort(heat)
    assert brought.dtype == np.float32 and brought.max() <= heat.max()  # maps do not ring
    assert not brought[~undistorter.shown].any()
    mask = undistorter.distort(heat > 128)
    assert mask.dtype == bool and (mask == (brought > 128))[undistorter.shown].mean() > 0.95


def test_a_lens_that_does_not_distort_leaves_everything_alone():
    for lens in (Lens(CAMERA), Lens(CAMERA, "plumb_bob", (0.0,) * 5)):
        undistorter, picture, alpha = Undistorter(lens), smooth_picture(), np.ones((160, 200), np.float32)
        region = Region(RegionKind.ADDED, (3, 4, 5, 6), 1.0, 20)
        assert undistorter.undistort(picture) is picture
        assert undistorter.distort(picture) is picture
        assert undistorter.undistort_cutout(picture, alpha) == (picture, alpha)
        assert undistorter.distort_region(region) is region
        assert undistorter.seen.all() and undistorter.shown.all() and not undistorter.cuts(alpha)


def test_photos_of_one_camera_are_brought_into_another():
    """Three pixels aside are three pixels: no half ones between."""
    moved = Camera(CAMERA.width, CAMERA.height, CAMERA.fx, CAMERA.fy, CAMERA.cx + 3, CAMERA.cy - 2)
    picture = smooth_picture()
    brought = Undistorter(Lens(CAMERA), moved).undistort(picture)
    np.testing.assert_array_equal(brought[:-2, 3:], picture[2:, :-3])


def test_what_the_lens_does_not_see_is_no_part_of_a_cutout():
    undistorter = Undistorter(LENSES["pincushion"])
    assert 0.6 < undistorter.seen.mean() < 0.99 and undistorter.shown.all()
    dark = np.full((CAMERA.height, CAMERA.width, 3), 60, np.uint8)
    image, alpha = undistorter.undistort_cutout(dark, np.ones(dark.shape[:2], np.float32))
    assert (image[~undistorter.seen] == 255).all() and not alpha[~undistorter.seen].any()
    inside = cv2.erode(undistorter.seen.astype(np.uint8), np.ones((9, 9))) > 0
    assert (image[inside] == 60).all() and alpha[inside].min() > 0.9999
    assert undistorter.cuts(alpha)
    alpha[:, 150:] = alpha[:, :30] = alpha[:20] = alpha[140:] = 0.0
    assert not undistorter.cuts(alpha)
    assert (undistorter.undistort(dark) == 60).all()  # no edge that features could see


def test_the_picture_that_a_wide_lens_folds_back_is_not_seen():
    wide = Camera(200, 160, 90.0, 90.0, 100.0, 80.0)
    undistorter = Undistorter(Lens(wide, "plumb_bob", (-0.25, 0.0, 0.0, 0.0, 0.0)))
    assert undistorter.seen[80, 100] and not undistorter.seen[0, 0]
    rows, columns = np.mgrid[:160, :200] + 0.5
    radius = np.hypot(columns - 100, rows - 80) / 90.0
    fold = np.sqrt(1 / (3 * 0.25))  # where r (1 - 0.25 r²) turns
    assert undistorter.seen[radius < fold - 0.2].all() and not undistorter.seen[radius > fold + 0.1].any()


def test_a_lens_that_shows_next_to_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"plumb_bob \[-25.*are these its coefficients"):
        Undistorter(Lens(CAMERA, "plumb_bob", (-25.0, 0.0, 0.0, 0.0, 0.0)))


@every_lens
def test_boxes_hold_their_region_in_the_pixels_that_came_in(lens):
    undistorter = Undistorter(lens)
    for x, y in ((20, 16), (90, 70), (150, 110)):
        ideal = np.zeros((CAMERA.height, CAMERA.width), bool)
        ideal[y : y + 24, x : x + 30] = True
        region = undistorter.distort_region(Region(RegionKind.MODIFIED, (x, y, 30, 24), 2.0, 24 * 30))
        raw = undistorter.distort(ideal)
        found = np.array(cv2.boundingRect(raw.astype(np.uint8)))
        np.testing.assert_allclose(region.box, found, atol=1)
        assert region.area == pytest.approx(raw.sum(), rel=0.05)
        assert (region.kind, region.peak) == (RegionKind.MODIFIED, 2.0)
    edge = undistorter.distort_region(Region(RegionKind.ADDED, (0, 0, 200, 160), 2.0, 9)).box
    assert min(edge) >= 0 and edge[0] + edge[2] <= 200 and edge[1] + edge[3] <= 160


@pytest.mark.parametrize(
    ("model", "numbers", "message"),
    [
        ("thin_prism", (), "no lens model 'thin_prism'"),
        ("plumb_bob", (0.1,), "5 finite coefficients"),
        ("equidistant", (0.1, 0.0, 0.0, float("nan")), "4 finite coefficients"),
    ],
)
def test_what_is_no_lens_is_refused(model, numbers, message):
    with pytest.raises(ConfigError, match=message):
        Lens(CAMERA, model, numbers)


@every_lens
def test_plain_values_and_back(lens):
    assert Lens.from_dict({"name": "x", **lens.to_dict()}) == lens
    assert "lens" not in Lens(CAMERA).to_dict()
    assert ros_distortion(lens) == (lens.model, list(lens.coefficients))
    assert ros_distortion(Lens(CAMERA)) == ("plumb_bob", [0.0] * 5)


def test_how_far_two_lenses_are_apart():
    barrel = LENSES["barrel"]
    assert largest_shift(barrel, barrel) == 0.0
    corner = np.array([[0.0, 160.0]])
    assert largest_shift(barrel, Lens(CAMERA)) == pytest.approx(np.abs(barrel.distort(corner) - corner).max())
