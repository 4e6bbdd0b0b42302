import numpy as np

from pad_ros.geometry import Camera, look_at
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.splatting.surface import Surface, normals

CAMERA = Camera(64, 64, 80.0, 80.0, 32.0, 32.0)


def tilted_plane():
    """A square of opaque splats with the normal (0, -0.6, 0.8), and one that hardly shows."""
    grid = np.linspace(-0.5, 0.5, 30)
    u, v = (axis.ravel() for axis in np.meshgrid(grid, grid))
    means = np.stack([u, 0.8 * v, 0.6 * v], axis=1)
    means = np.concatenate([means, [[0, 0, 3.0]]])
    count = len(means)
    return Gaussians(
        means=means,
        quats=np.tile([1.0, 0, 0, 0], (count, 1)),
        log_scales=np.full((count, 3), np.log(0.02)),
        logit_opacities=np.append(np.full(count - 1, 5.0), -5.0),
        sh=np.zeros((count, 4, 3)),
    )


def test_each_pixel_has_its_place_on_the_surface():
    pose = look_at(np.array([0.2, -0.4, 2.0]), np.zeros(3), np.array([0.0, 1, 0]))
    rasterizer = create_rasterizer({"name": "cpu", "threads": 1})
    positions = Surface(tilted_plane()).positions(rasterizer, CAMERA, pose)
    rays = np.stack(np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5), axis=-1)
    rays = np.concatenate([(rays - 32.0) / 80.0, np.ones((64, 64, 1))], axis=2) @ pose[:3, :3].T
    normal = np.array([0, -0.6, 0.8])
    distance = -(pose[:3, 3] @ normal) / (rays @ normal)
    expected = pose[:3, 3] + distance[..., None] * rays
    inside = (np.abs(expected[..., 0]) < 0.4) & (np.abs(expected @ [0, 0.8, 0.6]) < 0.4)
    assert inside.sum() > 500
    assert np.abs(positions - expected)[inside].max() < 0.02
    found = normals(positions, pose)[inside]
    assert (found @ normal > 0.95).mean() > 0.95


def test_anchors_are_spread_solid_and_always_the_same():
    surface = Surface(tilted_plane())
    anchors = surface.anchors(16)
    assert anchors.shape == (16, 3) and anchors[:, 2].max() < 1  # not the one that hardly shows
    distances = np.linalg.norm(anchors[:, None] - anchors[None], axis=2)
    assert distances[~np.eye(16, dtype=bool)].min() > 0.15
    np.testing.assert_array_equal(anchors, Surface(tilted_plane()).anchors(16))
    np.testing.assert_array_equal(anchors[:4], surface.anchors(4))
    assert len(surface.anchors(5000)) == 900
