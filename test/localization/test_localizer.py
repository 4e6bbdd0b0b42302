from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import textured_box

from pad_ros.errors import ConfigError, ImageError, NotLocalizedError
from pad_ros.geometry import is_right, pose_error
from pad_ros.localization import pose_finder
from pad_ros.localization.front_end import create_front_end
from pad_ros.localization.localizer import create_localizer
from pad_ros.localization.pnp import solve_pnp

CAMERA = textured_box.CAMERA
SIFT = create_front_end({"features": {"name": "sift"}})
_RNG = np.random.default_rng(7)
POSES = [
    textured_box.view_pose(_RNG.uniform(0, 360), _RNG.uniform(-20, 65), _RNG.uniform(2.6, 3.4), _RNG.uniform(0, 360))
    for _ in range(12)
]


def _create(box_map, **settings):
    return create_localizer({"name": "sfm_map", **settings}, box_map, CAMERA, SIFT)


@pytest.fixture(scope="module")
def localizer(box_map):
    return _create(box_map, retries=4)


@pytest.mark.parametrize("index", range(len(POSES)))
def test_new_views_over_clutter_are_localised(localizer, index):
    image, _ = textured_box.render(POSES[index], textured_box.clutter(index))
    estimate = localizer.localize(image)
    degrees, relative = pose_error(estimate.object_from_camera, POSES[index])
    assert degrees < 1.0 and relative < 0.01
    assert 12 <= estimate.inliers <= estimate.matches
    assert 0 < estimate.reprojection_error < 3.0


def test_same_image_gives_the_same_pose_in_every_thread(localizer):
    images = [textured_box.render(pose, textured_box.clutter(0))[0] for pose in POSES[:4]]
    alone = [localizer.localize(image).object_from_camera for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: localizer.localize(image).object_from_camera, images * 2))
    assert np.array_equal(alone * 2, together)


def _wrong_images():
    shape = (CAMERA.height, CAMERA.width, 3)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, shape, dtype=np.uint8)
    blobs = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)
    return {
        "black": np.zeros(shape, np.uint8),
        "white": np.full(shape, 255, np.uint8),
        "noise": noise,
        "blobs": blobs,
        "background": textured_box.clutter(3),
    }


@pytest.mark.parametrize("name", ["black", "white", "noise", "blobs", "background"])
def test_image_without_the_part_has_no_pose(localizer, name):
    with pytest.raises(NotLocalizedError, match=r"inliers|matches"):
        localizer.localize(_wrong_images()[name])


def test_mirrored_part_has_no_pose(localizer):
    image, _ = textured_box.render(POSES[0])
    with pytest.raises(NotLocalizedError):
        localizer.localize(np.ascontiguousarray(image[:, ::-1]))


def test_reason_names_inliers_matches_and_limit(box_map):
    image, _ = textured_box.render(POSES[0])
    with pytest.raises(NotLocalizedError, match=r"\d+ inliers of \d+ matches .*, at least 5000 needed"):
        _create(box_map, min_inliers=5000).localize(image)
    with pytest.raises(NotLocalizedError, match=r"\d% of the \d+ points that should be seen .* least 100% needed"):
        _create(box_map, min_support=1.0).localize(image)
    with pytest.raises(NotLocalizedError, match=r"cover \d+% of the part, at least 100% needed"):
        _create(box_map, min_coverage=1.0).localize(image)


def test_a_pose_that_is_not_certain_is_a_guess(box_map, localizer):
    image, _ = textured_box.render(POSES[0])
    for rule in ({"min_inliers": 5000}, {"min_coverage": 1.0}):
        with pytest.raises(NotLocalizedError) as refused:
            _create(box_map, **rule).localize(image)
        guesses = list(refused.value.guesses)
        assert len(guesses) == 3
        assert all(is_right(*pose_error(guess.object_from_camera, POSES[0])) for guess in guesses)
    with pytest.raises(NotLocalizedError) as refused:
        localizer.localize(np.zeros_like(image))
    assert not list(refused.value.guesses)


def test_guesses_that_nobody_looks_at_are_not_worked_out(box_map, monkeypatch):
    image, _ = textured_box.render(POSES[0])
    solved = []

    def counted(*matches, **settings):
        solved.append(settings["max_error_px"])
        return solve_pnp(*matches, **settings)

    monkeypatch.setattr(pose_finder, "solve_pnp", counted)
    with pytest.raises(NotLocalizedError) as refused:
        _create(box_map, min_inliers=5000, retries=5).localize(image)
    for_the_first_poses = len(solved)
    assert for_the_first_poses == 6 and set(solved) == {3.0}  # one of all matches, five of displaced views
    next(refused.value.guesses)
    assert len(solved) == for_the_first_poses + 1
    assert len(list(refused.value.guesses)) == 5 and solved[7:] == [6.0, 12.0, *[6.0] * 5]


def test_of_a_part_that_goes_beyond_the_picture_only_what_it_shows_counts(box_map):
    """The rules are on the points in the picture: most are found, though half of the part is outside."""
    camera = type(CAMERA)(
        320, 320, CAMERA.fx, CAMERA.fy, CAMERA.cx - 190, CAMERA.cy
    )  # the part's middle at the left edge
    whole, _ = textured_box.render(POSES[0])
    image = np.full_like(whole, 255)
    image[:, :170] = whole[:, 150:]
    cut = create_localizer({"name": "sfm_map", "min_coverage": 0.65}, box_map, camera, SIFT)
    degrees, distance = pose_error(cut.localize(image).object_from_camera, POSES[0])
    assert degrees < 8 and distance < 0.03  # half a part says less of its pose than a whole one


def test_part_that_is_too_far_away_to_be_true_has_no_pose(box_map, localizer):
    image, _ = textured_box.render(POSES[0])
    half = cv2.resize(image, (160, 160), interpolation=cv2.INTER_AREA)
    far = np.full_like(image, 255)
    far[80:240, 80:240] = half
    near_camera = type(CAMERA)(320, 320, CAMERA.fx * 3, CAMERA.fy * 3, CAMERA.cx, CAMERA.cy)
    wrong = create_localizer({"name": "sfm_map"}, box_map, near_camera, SIFT)
    with pytest.raises(NotLocalizedError, match=r"away, outside|inliers"):
        wrong.localize(far)


def test_images_of_another_camera_are_refused(localizer):
    with pytest.raises(ImageError, match="trained for 320x320"):
        localizer.localize(np.zeros((100, 100, 3), np.uint8))
    with pytest.raises(ImageError):
        localizer.localize(np.zeros((320, 320), np.uint8))


@pytest.mark.parametrize(
    "wrong",
    [
        {"ratio": 0.0},
        {"view_ratio": 1.5},
        {"views": -1},
        {"guided_views": 0},
        {"guided_distance": 0},
        {"min_inliers": 2},
        {"min_support": 1.1},
        {"max_error_px": 0},
        {"x": 1},
    ],
)
def test_wrong_settings_are_refused(box_map, wrong):
    with pytest.raises(ConfigError, match="localization"):
        _create(box_map, **wrong)


def test_unknown_localizer_is_refused(box_map):
    with pytest.raises(ConfigError, match="choose one of"):
        create_localizer({"name": "gps"}, box_map, CAMERA, SIFT)
