"""Ground, part, hull, coverage and alignment, from points and silhouettes alone."""

from dataclasses import replace

import numpy as np
import pytest

from pad_ros.capture import scene
from pad_ros.capture.align import similarity
from pad_ros.capture.coverage import cover
from pad_ros.capture.cutouts import agreement, cut_out, disagreeing
from pad_ros.capture.ground import find_plane, part_of, place
from pad_ros.capture.mosaic import picture_ground
from pad_ros.capture.points import check_still
from pad_ros.capture.structure import connected
from pad_ros.capture.views import Sparse, look_at_point, pose_precision, project
from pad_ros.errors import CaptureError
from pad_ros.geometry import Camera, look_at
from pad_ros.images import to_uint8
from pad_ros.lens import Lens
from pad_ros.synthesis.staging import Stage, cloth_texture, walk_around

CAMERA = Camera(160, 120, 180.0, 180.0, 80.0, 60.0)
RADIUS, HIGH = 0.12, 0.13  # of a ball that floats a little above the table


def poses(count=16):
    return np.stack(walk_around(count, np.array([0, 0, 0.1]), 0.6, np.random.default_rng(0)))


def ball_mask(pose, aside=0.0):
    """The silhouette of the ball, or of one that stands further along x."""
    rows, columns = np.mgrid[: CAMERA.height, : CAMERA.width] + 0.5
    rays = np.stack([(columns - CAMERA.cx) / CAMERA.fx, (rows - CAMERA.cy) / CAMERA.fy, np.ones_like(rows)], -1)
    rays = rays @ pose[:3, :3].T
    to_ball = np.array([aside, 0, HIGH]) - pose[:3, 3]
    along = rays @ to_ball / np.linalg.norm(rays, axis=-1)
    return to_ball @ to_ball - along**2 < RADIUS**2


def sparse_of(views, points, noise=0.2):
    """What structure from motion would give: every point in every view."""
    rng, rows, seen, pixels = np.random.default_rng(1), [], [], []
    for view, pose in enumerate(views):
        where, _ = project(CAMERA, pose, points)
        rows += range(len(points))
        seen += [view] * len(points)
        pixels.append(where + rng.normal(0, noise, where.shape))
    names = tuple(f"{view}.png" for view in range(len(views)))
    colors = np.full((len(points), 3), 90, np.uint8)
    return Sparse(
        Lens(CAMERA), names, views, points, colors, np.array(rows), np.array(seen), np.concatenate(pixels), noise * 1.4
    )


def scene_points():
    rng = np.random.default_rng(2)
    ball = rng.normal(size=(400, 3))
    ball = RADIUS * ball / np.linalg.norm(ball, axis=1, keepdims=True) + (0, 0, HIGH)
    table = np.c_[rng.uniform(-0.4, 0.4, (600, 2)), rng.normal(0, 0.0005, 600)]
    return np.concatenate([ball, table])


def test_the_ground_is_found_and_the_part_stands_on_it():
    turned = look_at(np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 0.5]), np.array([0.2, 0.3, 0.9]))
    placed = place(sparse_of(poses(), scene_points()).moved(turned, 7.0))
    assert placed.grounded
    assert placed.part[:400].mean() > 0.95
    assert not placed.part[400:].any()
    scale = np.median(np.linalg.norm(placed.sparse.poses[:, :3, 3] - look_at_point(placed.sparse.poses), axis=1))
    assert scale == pytest.approx(1.0, rel=0.05)
    table = placed.sparse.points[400:]
    assert np.abs(table[:, 2]).max() < 0.01
    middle = placed.sparse.points[:400].mean(axis=0)
    assert np.abs(middle[:2]).max() < 0.03
    assert middle[2] == pytest.approx(HIGH / 0.6, rel=0.08)
    assert (placed.sparse.poses[:, 2, 3] > 0).all()
    assert placed.sparse.poses[0][1, 3] < 0  # the first photo was taken from the front


def test_a_face_of_the_part_is_no_ground():
    rng = np.random.default_rng(0)
    cameras = poses()[:, :3, 3]
    wall = np.c_[
        rng.uniform(-0.2, 0.2, 300), np.full(300, 0.05), rng.uniform(0, 0.2, 300)
    ]  # half of the cameras behind
    assert find_plane(wall, cameras, 0.002, rng) is None


SHEET = np.array([[0.9, 1.2], [0.66, 0.96]])  # a board's size, and its plain middle's


def test_a_part_without_points_needs_a_board():
    bare = sparse_of(poses(), scene_points()[400:])
    with pytest.raises(CaptureError, match="too little texture"):
        part_of(bare, True)
    placed = part_of(bare, True, SHEET)
    assert np.allclose(placed.box[0], (-0.45, -0.6, 0))


@pytest.fixture
def small_scenes(monkeypatch):
    """Scenes of small pictures need fewer rounds."""
    monkeypatch.setattr(scene, "_TRAINING", replace(scene._TRAINING, iterations=1000))


def staged(colour, later_aside=0.0):
    stage, rng = Stage(cloth_texture(3, 256), (0.9, 0.9), seed=5), np.random.default_rng(4)
    views, images = poses(), []
    for index, pose in enumerate(views):
        mask = ball_mask(pose, later_aside if index >= len(views) // 2 else 0.0)[..., None]
        images.append(
            to_uint8(np.where(mask, np.array(colour) + rng.normal(0, 8, (120, 160, 3)), stage.background(CAMERA, pose)))
        )
    return views, images


def test_the_ground_without_the_part_is_seen():
    views, images = staged((200, 60, 40))
    ground = picture_ground(images, CAMERA, views, np.array([[-0.13, -0.13, 0], [0.13, 0.13, 0.26]]))
    same, ball = ground.seen_in(images[-1], CAMERA, views[-1]), ball_mask(views[-1])  # from above
    assert same[ball].mean() < 0.4
    assert same[~ball].mean() > 0.5


@pytest.mark.usefixtures("small_scenes")
def test_all_views_agree_on_the_part():
    views, images = staged((200, 60, 40))
    made = cut_out(images, part_of(sparse_of(views, scene_points()), True))
    shares = [agreement(alpha > 0.5, ball_mask(pose)) for alpha, pose in zip(made.alphas, views, strict=True)]
    assert np.median(shares) > 0.93
    assert len(disagreeing(made)) <= 1


@pytest.mark.usefixtures("small_scenes")
def test_a_part_that_moved_where_there_is_no_board():
    views, images = staged((200, 60, 40), later_aside=0.5 * RADIUS)
    with pytest.raises(CaptureError, match=r"do not agree on what is the part.*or it moved between photos"):
        cut_out(images, part_of(sparse_of(views, scene_points()), True))


def on_a_sheet(colour, hides=0.0, shadow=1.0):
    """A ball without points on a board whose squares are as black as itself; `hides` brightens the odd views."""
    texture = np.full((400, 300, 3), 235, np.uint8)
    rows, columns = np.mgrid[:400, :300]
    rim = (np.minimum(rows, 399 - rows) < 40) | (np.minimum(columns, 299 - columns) < 40)
    texture[rim & ((rows // 20 + columns // 20) % 2 == 0)] = 20
    far = np.hypot(rows - 200, columns - 190)
    texture[(far < 50) & ~rim] = np.uint8(235 * shadow)
    stage, rng, images = Stage(texture, tuple(SHEET[0]), seed=5), np.random.default_rng(4), []
    for index, pose in enumerate(views := poses()):
        mask = ball_mask(pose)[..., None]
        picture = np.where(mask, np.array(colour), stage.background(CAMERA, pose)) * (1 - hides * (index % 2))
        images.append(to_uint8(picture + rng.normal(0, 3, picture.shape)))
    return views, images


@pytest.mark.usefixtures("small_scenes")
@pytest.mark.parametrize(("shadow", "least"), [(1.0, 0.93), (0.7, 0.88)])
def test_a_black_part_without_texture_on_the_boards_plain_middle(shadow, least):
    views, images = on_a_sheet((22, 20, 21), hides=0.15, shadow=shadow)
    made = cut_out(images, part_of(sparse_of(views, scene_points()[400:]), True, SHEET))
    shares = [agreement(alpha > 0.5, ball_mask(pose)) for alpha, pose in zip(made.alphas, views, strict=True)]
    assert np.median(shares) > least
    assert len(disagreeing(made)) <= 2


def test_missing_directions_in_words():
    middle, up = np.zeros(3), np.array([0, 0, 1.0])
    from_front = [look_at(np.array([x, -1.0, 0.2]), middle, up) for x in np.linspace(-0.2, 0.2, 5)]
    coverage = cover(np.stack(from_front), middle)
    advice = coverage.advice()
    assert coverage.share == pytest.approx(1 / 17)
    assert (
        "take 21 more from low, from front right, the right, back right, the back, back left, the left, front left"
        in advice[0]
    )
    assert "take 24 more from half above, from all sides (nothing is seen from there)" in advice
    assert "take 6 more from straight above (nothing is seen from there)" in advice
    right = cover(look_at(np.array([1.0, 0, 0.2]), middle, up)[None], middle)
    assert [d.name for d in right.directions if d.photos] == ["low from the right"]


def test_alignment():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(20, 3))
    turned = look_at(np.array([3.0, 1.0, 2.0]), np.zeros(3), np.array([0, 0, 1.0]))
    scale, transform = similarity(points, 2.5 * points @ turned[:3, :3].T + turned[:3, 3])
    assert scale == pytest.approx(2.5)
    assert np.allclose(transform, turned)


def test_precision_grows_with_the_noise_that_poses_really_have():
    calm, noisy = (pose_precision(sparse_of(poses(), scene_points(), noise)) for noise in (0.1, 0.4))
    assert noisy[0] == pytest.approx(4 * calm[0], rel=0.05)
    assert 1e-4 < calm[0] < 0.1
    assert 1e-6 < calm[1] < 1e-2


def test_only_some_views():
    sparse = sparse_of(poses(), scene_points()).only_views([2, 5, 7])
    assert sparse.names == ("2.png", "5.png", "7.png")
    assert set(sparse.view_index) == {0, 1, 2}
    where, _ = project(CAMERA, sparse.poses[1], sparse.points)
    rows = sparse.view_index == 1
    assert np.abs(where[sparse.point_index[rows]] - sparse.pixels[rows]).max() < 2


def test_sparse_round_trip(tmp_path):
    sparse = sparse_of(poses(), scene_points())
    sparse.save(tmp_path / "sparse.npz")
    back = Sparse.load(tmp_path / "sparse.npz")
    assert back.names == sparse.names and back.lens == sparse.lens
    assert np.array_equal(back.pixels, sparse.pixels)


def test_groups_of_photos():
    assert connected(list("abcde"), [("a", "b"), ("b", "c"), ("d", "e")]) == [{"a", "b", "c"}, {"d", "e"}]


def test_a_part_that_moved_is_said_with_where():
    names = [f"{index}.png" for index in range(10)]
    pairs = [(i, j) for i in range(10) for j in range(i + 1, min(i + 4, 10))]
    restless = [(i, j) for i, j in pairs if i < 5 <= j]
    with pytest.raises(CaptureError, match=r"moved on the board, it seems between 4.png and 5.png"):
        check_still(restless, pairs, names)
    check_still(restless[:1], pairs, names)
