"""Small staged captures for the tests: the sample's twin on a board or cloth, with true poses and cut-outs."""

import numpy as np

from pad_ros.capture.board import Board
from pad_ros.geometry import Camera, invert_rigid
from pad_ros.images import write_image
from pad_ros.lens import Lens
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.synthesis.staging import Stage, walk_around

BOARD = Board.of("a3")
LENS = Lens(Camera(640, 480, 576.0, 576.0, 322.0, 238.0), "plumb_bob", (0.09, -0.16, 0.0006, -0.0004, 0.0))


def board_stage():
    width, height = BOARD.size
    return Stage(BOARD.picture(32), (width + BOARD.square, height + BOARD.square))


def twin_on_table(product, turned_by=0.0):
    """The part's picture for `Stage.photograph`: the twin on the plane z = 0, turned about z by degrees."""
    rasterizer, means = create_rasterizer({"name": "cpu", "threads": 1}), product.gaussians.means
    low, high = np.percentile(means, [0.5, 99.5], axis=0)
    angle = np.radians(turned_by)
    onto = np.eye(4)
    onto[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    onto[:3, 3] = onto[:3, :3] @ [-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]]

    def part(camera, pose):
        rendering = rasterizer.render(product.gaussians, camera, invert_rigid(onto) @ pose)
        return 255.0 * np.clip(rendering.color, 0, 1), 1.0 - rendering.transmittance

    return part


def nothing(camera, pose):
    """No part at all."""
    return np.full((camera.height, camera.width, 3), 255.0, np.float32), np.zeros(
        (camera.height, camera.width), np.float32
    )


def take(folder, count, part, stage=None, distance=0.3, later=None):
    """Takes photos into a folder; `later` is the part of the second half. Returns poses and coverages by file name."""
    stage, rng, truth = stage or board_stage(), np.random.default_rng(3), {}
    for index, pose in enumerate(walk_around(count, np.array([0, 0, 0.03]), distance, rng)):
        shown = later if later is not None and index >= count // 2 else part
        photo, alpha = stage.photograph(LENS, pose, shown, rng, blur=rng.uniform(0, 1.5), noise=1.5)
        write_image(folder / f"{index:03d}.png", photo)
        truth[f"{index:03d}.png"] = pose, alpha
    return truth
