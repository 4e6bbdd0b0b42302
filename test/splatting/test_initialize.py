import numpy as np
import pytest
from splat_scenes import CAMERA

from pad_ros.errors import TrainingError
from pad_ros.geometry import Camera, look_at
from pad_ros.splatting.initialize import SH_C0, initial_gaussians, project
from pad_ros.splatting.views import camera_extent, make_views, scale_views


@pytest.fixture(scope="module")
def ball_views():
    """A red ball of radius 0.3 around (0.5, 0, 0), seen from 16 sides."""
    camera = Camera(64, 48, 70.0, 70.0, 32.0, 24.0)
    center, rng = np.array([0.5, 0.0, 0.0]), np.random.default_rng(0)
    poses, images = [], []
    for direction in rng.normal(size=(16, 3)):
        pose = look_at(center + 2.0 * direction / np.linalg.norm(direction), center, np.array([0.0, 0.1, 1.0]))
        y, x = np.mgrid[:48, :64] + 0.5
        inside = np.hypot(x - 32.0, y - 24.0) < 70.0 * 0.3 / 2.0
        images.append(np.where(inside[..., None], np.uint8([200, 10, 20]), np.uint8(255)))
        poses.append(pose)
    return make_views(images, None, camera, poses)


def test_points_are_drawn_inside_the_visual_hull(ball_views):
    rng = np.random.default_rng(1)
    gaussians = initial_gaussians(ball_views, np.zeros((0, 3)), np.zeros((0, 3), np.uint8), 500, 1, rng)
    distance = np.linalg.norm(gaussians.means - [0.5, 0.0, 0.0], axis=1)
    assert len(gaussians) == 500 and gaussians.sh_degree == 1
    assert distance.max() < 0.4 and 0.15 < np.median(distance) < 0.3
    color = 0.5 + SH_C0 * np.median(gaussians.sh[:, 0], axis=0)
    np.testing.assert_allclose(color, np.array([200, 10, 20]) / 255, atol=0.05)


def test_given_points_come_first_and_are_thinned(ball_views):
    points = np.random.default_rng(2).normal([0.5, 0.0, 0.0], 0.1, (300, 3))
    colors = np.full((300, 3), 128, np.uint8)
    more = initial_gaussians(ball_views, points, colors, 400, 0, np.random.default_rng(3))
    np.testing.assert_allclose(more.means[:300], points, atol=1e-6)
    assert len(more) == 400
    fewer = initial_gaussians(ball_views, points, colors, 100, 0, np.random.default_rng(3))
    assert len(fewer) == 100 and np.isfinite(fewer.log_scales).all()


def test_points_as_they_are(ball_views):
    points = np.random.default_rng(2).normal([0.5, 0.0, 0.0], 0.1, (300, 3))
    colors = np.full((300, 3), 128, np.uint8)
    gaussians = initial_gaussians(ball_views, points, colors, None, 0, np.random.default_rng(3))
    np.testing.assert_allclose(gaussians.means, points, atol=1e-6)
    with pytest.raises(TrainingError, match="at least 50, got 10"):
        initial_gaussians(ball_views, points[:10], colors[:10], None, 0, np.random.default_rng(3))


def test_the_cameras_extent_is_that_of_3dgs(ball_views):
    centers = np.array([view.object_from_camera[:3, 3] for view in ball_views])
    distance = np.linalg.norm(centers - centers.mean(axis=0), axis=1)
    assert camera_extent(ball_views) == pytest.approx(1.1 * distance.max())


def test_scale_is_the_distance_to_the_neighbours(ball_views):
    grid = np.stack(np.meshgrid(*[np.arange(6) * 0.02] * 3), axis=-1).reshape(-1, 3)
    colors = np.zeros((216, 3), np.uint8)
    gaussians = initial_gaussians(ball_views, grid, colors, 216, 0, np.random.default_rng(0))
    np.testing.assert_allclose(np.exp(gaussians.log_scales), 0.02, rtol=1e-3)


def test_points_that_are_not_finite_are_left_out(ball_views):
    points = np.array([[0.5, 0, 0], [np.nan, 0, 0], [0.51, 0, 0]])
    gaussians = initial_gaussians(ball_views, points, np.zeros((3, 3), np.uint8), 10, 0, np.random.default_rng(0))
    assert len(gaussians) == 10 and np.isfinite(gaussians.means).all()


def test_projection(ball_views):
    pixel = project(ball_views[0], np.array([[0.5, 0.0, 0.0]]))
    np.testing.assert_allclose(pixel, [[32.0, 24.0]], atol=1e-9)


def test_scaled_views_keep_their_box():
    image = np.full((36, 40, 3), 255, np.uint8)
    image[8:20, 12:32] = 0
    views = make_views([image, image], None, CAMERA, [np.eye(4), np.eye(4)])
    assert views[0].box == (12, 8, 32, 20) and views[0].object_pixels == 240
    half = scale_views(views, 0.5)[0]
    assert half.box == (6, 4, 16, 10) and (half.camera.width, half.camera.height) == (20, 18)
