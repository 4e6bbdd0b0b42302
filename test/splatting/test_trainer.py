import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from splat_scenes import poses_around, psnr, random_gaussians

from pad_ros.dataset.cutouts import white_cutout
from pad_ros.errors import ConfigError, TrainingError
from pad_ros.geometry import Camera
from pad_ros.splatting.checkpoint import Checkpoint
from pad_ros.splatting.cpu import CpuRasterizer
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.settings import PRESETS, TrainerSettings
from pad_ros.splatting.trainer import train_splats

CAMERA = Camera(72, 72, 90.0, 90.0, 36.0, 36.0)
NO_POINTS = np.zeros((0, 3))
NO_COLORS = np.zeros((0, 3), np.uint8)
QUICK = TrainerSettings(
    iterations=250, max_gaussians=600, initial_gaussians=200, densify_every=20, coarse_size=36, threads=2
)


def make_photos():
    """24 views of opaque blobs: images, alphas, poses; the last 4 are held out."""
    truth = random_gaussians(40, 0, seed=11)
    truth.log_scales[:] = np.clip(truth.log_scales, np.log(0.06), np.log(0.2))
    truth.logit_opacities[:] = 5.0
    truth.sh[:] *= 4.0
    rasterizer, poses = CpuRasterizer(threads=1), poses_around(24, seed=12)
    views = [rasterizer.render(truth, CAMERA, pose) for pose in poses]
    images = [np.round(np.clip(view.color, 0, 1) * 255).astype(np.uint8) for view in views]
    return images, [1.0 - view.transmittance for view in views], poses


photos = pytest.fixture(scope="module")(make_photos)


def held_out_quality(gaussians: Gaussians, photos) -> tuple[float, float]:
    """PSNR inside the object, and IoU of the mask, over the held-out views."""
    images, alphas, poses = (x[20:] for x in photos)
    rasterizer, truth, got, masks = CpuRasterizer(threads=1), [], [], []
    for image, alpha, pose in zip(images, alphas, poses, strict=True):
        rendering = rasterizer.render(gaussians, CAMERA, pose)
        truth.append(image[alpha > 0.5] / 255.0)
        got.append(rendering.color[alpha > 0.5])
        masks.append((alpha > 0.5, rendering.transmittance < 0.5))
    a, b = (np.stack(m) for m in zip(*masks, strict=True))
    return psnr(np.concatenate(truth), np.concatenate(got)), (a & b).sum() / (a | b).sum()


def train(photos, settings, seed=0, progress=None, alphas=True, points=NO_POINTS, **keywords):
    images, covers, poses = (x[:20] for x in photos)
    colors = np.full((len(points), 3), 128, np.uint8)
    covers = covers if alphas else None
    return train_splats(images, covers, CAMERA, poses, points, colors, settings, seed, progress, **keywords)


def assert_same(first, second):
    for field in dataclasses.fields(Gaussians):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))


def test_short_training_already_resembles_and_reports(photos):
    reports = []
    gaussians = train(photos, QUICK, progress=lambda *report: reports.append(report))
    quality, iou = held_out_quality(gaussians, photos)
    assert quality > 16.0 and iou > 0.85
    assert 200 < len(gaussians) <= 600
    assert reports[-1][:2] == (250, 250) and "PSNR" in reports[-1][2] and "Gaussians" in reports[-1][2]


def test_the_object_in_the_photos_limits_the_number(photos):
    pixels = np.mean([(alpha > 0.5 / 255).sum() for alpha in photos[1][:20]])
    gaussians = train(photos, dataclasses.replace(QUICK, gaussians_per_pixel=0.1))
    assert 200 < len(gaussians) < 0.11 * pixels < 600


MIDDLE = np.s_[33:39, 33:39]


def photos_of_ring(degree=0, paint=lambda ring, angle: None):
    """A ring photographed on white: angles of its splats to paint them by; images, its true cover, poses."""
    rng = np.random.default_rng(14)
    angle = rng.uniform(0, 2 * np.pi, 300)
    around = np.stack([np.cos(angle), np.sin(angle), np.zeros(300)], axis=1)
    ring = random_gaussians(300, degree, seed=15)
    ring.means[:] = 0.5 * around + rng.normal(0, 0.03, (300, 3))
    ring.sh[:, 1:] = 0.0
    ring.log_scales[:], ring.logit_opacities[:], ring.sh[:, 0] = np.log(0.05), 6.0, ring.sh[:, 0] - 0.7
    paint(ring, angle)
    rasterizer, poses = CpuRasterizer(threads=1), [p for p in poses_around(120, seed=16) if abs(p[2, 2]) > 0.8]
    renderings = [rasterizer.render(ring, CAMERA, pose) for pose in poses]
    images = [np.round(np.clip(rendering.color, 0, 1) * 255).astype(np.uint8) for rendering in renderings]
    assert min(image[MIDDLE].min() for image in images) > 253  # it is open from everywhere
    return images, [1.0 - rendering.transmittance for rendering in renderings], poses


def test_a_hole_that_shows_the_white_ground_stays_open():
    """A ring photographed on white without alpha: neither white splats nor the start from its hull fill it."""
    images, _, poses = photos_of_ring()
    open_ring = [white_cutout(image) for image in images]
    disc = [alpha.copy() for alpha in open_ring]  # had the hole been taken for part
    for alpha in disc:
        _, labels = cv2.connectedComponents((alpha == 0).astype(np.uint8))
        alpha[labels != labels[0, 0]] = 1.0
    rasterizer, through = CpuRasterizer(threads=1), []
    for alphas in (open_ring, disc):
        trained = train_splats(images[4:], alphas[4:], CAMERA, poses[4:], NO_POINTS, NO_COLORS, QUICK)
        through.append([rasterizer.render(trained, CAMERA, pose).transmittance[MIDDLE].mean() for pose in poses[:4]])
    assert min(through[0]) > 0.95 and max(through[1]) < 0.5


def test_white_bricks_and_chrome_beside_a_hole_are_part():
    """What is white itself, or for some directions, is no ground, and does not close the hole."""

    def paint(ring, angle):
        ring.sh[angle < 1.5, 0] = 1.6  # 0.95 of white
        chrome = (angle > 3.0) & (angle < 4.5)
        ring.sh[chrome, 0], ring.sh[chrome, 1:] = 0.5, 0.45  # from dark to white by direction

    images, covers, poses = photos_of_ring(1, paint)
    settings = dataclasses.replace(QUICK, sh_degree=1, sh_every=0.2)
    alphas = [white_cutout(image) for image in images]
    trained = train_splats(images[4:], alphas[4:], CAMERA, poses[4:], NO_POINTS, NO_COLORS, settings)
    for image, cover, pose in zip(images[:4], covers, poses, strict=False):
        through = CpuRasterizer(threads=1).render(trained, CAMERA, pose).transmittance
        bright = (cover > 0.99) & (image.min(axis=2) > 225)
        assert bright.sum() > 50  # else this says little
        assert through[MIDDLE].mean() > 0.95 and through[bright].mean() < 0.15


@pytest.mark.slow
@pytest.mark.parametrize("alphas", [True, False])
def test_training_reaches_held_out_quality(photos, alphas):
    settings = dataclasses.replace(QUICK, iterations=1500, max_gaussians=2000)
    quality, iou = held_out_quality(train(photos, settings, alphas=alphas), photos)
    assert quality > 28.0 and iou > (0.97 if alphas else 0.94)


def test_same_seed_same_bits_whatever_the_threads(photos):
    first = train(photos, QUICK, seed=3)
    assert_same(first, train(photos, dataclasses.replace(QUICK, threads=1), seed=3))


PAPER = dataclasses.replace(
    PRESETS["paper"], iterations=600, densify_every=100, reset_opacity_every=200, densify_gradient=1e-4, threads=2
)
POINTS = np.random.default_rng(13).uniform(-0.5, 0.5, (150, 3))


class StopError(Exception):
    pass


def stop_at(iteration):
    def progress(done, total, remark):
        if done == iteration:
            raise StopError

    return progress


@pytest.mark.parametrize("settings", [QUICK, PAPER], ids=["fast", "paper"])
def test_a_stopped_run_goes_on_to_the_same_bits(photos, tmp_path, settings):
    whole = train(photos, settings, points=POINTS)
    path = tmp_path / "checkpoint.npz"
    for iteration in (50, 150):  # one before, one after densification has begun
        with pytest.raises(StopError):
            train(photos, settings, points=POINTS, progress=stop_at(iteration), checkpoint=Checkpoint(path, every_s=0))
        assert path.is_file()
    reports = []
    rest = train(
        photos,
        dataclasses.replace(settings, threads=1),  # which changes nothing
        points=POINTS,
        progress=lambda *report: reports.append(report[0]),
        checkpoint=Checkpoint(path),
    )
    assert reports[0] == 150  # the state is of the iteration before
    assert_same(whole, rest)
    assert not path.exists()


def test_a_killed_run_goes_on_to_the_same_bits(photos, tmp_path):
    """The process dies in the middle of whatever it does after 150 iterations."""
    code = (
        "import os, signal, sys; from pathlib import Path; import test_trainer as t\n"
        "from pad_ros.splatting.checkpoint import Checkpoint\n"
        "kill = lambda done, *rest: os.kill(os.getpid(), signal.SIGKILL) if done == 150 else None\n"
        "t.train(t.make_photos(), t.QUICK, progress=kill, checkpoint=Checkpoint(Path(sys.argv[1]), every_s=0.02))\n"
    )
    path, here = tmp_path / "checkpoint.npz", str(Path(__file__).parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, *sys.path])}
    ended = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, timeout=120)
    assert ended.returncode == -signal.SIGKILL and path.is_file()
    reports = []
    rest = train(photos, QUICK, progress=lambda *report: reports.append(report[0]), checkpoint=Checkpoint(path))
    assert reports[0] > 50
    assert_same(rest, train(photos, QUICK))


@pytest.mark.parametrize("change", ["settings", "seed", "points", "images"])
def test_the_state_of_another_run_is_not_used(photos, tmp_path, caplog, change):
    path = tmp_path / "checkpoint.npz"
    with pytest.raises(StopError):
        train(photos, QUICK, points=POINTS, progress=stop_at(100), checkpoint=Checkpoint(path, every_s=0))
    settings = dataclasses.replace(QUICK, rate_sh=0.02) if change == "settings" else QUICK
    other = [[255 - photos[0][0], *photos[0][1:]], *photos[1:]] if change == "images" else photos
    arguments = {"points": POINTS + (change == "points") * 1e-3, "seed": int(change == "seed")}
    reports = []
    watch = lambda done, gaussians: reports.append(done)  # noqa: E731
    gaussians = train(other, settings, checkpoint=Checkpoint(path), watch=watch, **arguments)
    assert reports[0] == 50 and "training begins anew" in caplog.text
    assert_same(gaussians, train(other, settings, **arguments))


def test_the_strategy_of_the_paper_trains_too(photos):
    counts = []
    gaussians = train(photos, PAPER, points=POINTS, watch=lambda done, present: counts.append((done, len(present()))))
    assert counts[0] == (50, 150) and max(count for _, count in counts) > 200
    assert held_out_quality(gaussians, photos)[0] > 16.0
    assert gaussians.sh_degree == 3 and np.abs(gaussians.sh[:, 9:]).max() > 0


def test_the_paper_needs_points(photos):
    with pytest.raises(TrainingError, match="at least 50, got 0"):
        train(photos, PAPER)


def test_training_ends_when_it_has_converged(photos):
    reports = []
    settings = dataclasses.replace(QUICK, iterations=600, densify_until=0.2, stop_gain=3.0)
    train(photos, settings, progress=lambda *report: reports.append(report))
    # Ten rounds of 20 views each after densification and the coarse time have ended; then whenever it is enough.
    assert 320 <= reports[-1][0] < 600 and reports[-1][0] == reports[-1][1]


def test_time_limit_ends_early(photos):
    settings = dataclasses.replace(QUICK, iterations=10**6, time_limit=0.3)
    assert len(train(photos, settings)) > 0


def test_unusable_views_are_refused(photos):
    images, alphas, poses = (list(x[:3]) for x in photos)
    bad_pose = [*poses[:2], 2.0 * np.eye(4)]
    white = [np.full_like(image, 255) for image in images]
    nan = [*alphas[:2], np.full_like(alphas[2], np.nan)]
    cases = [
        (images[:1], None, poses[:1], "at least 2"),
        (images, alphas[:2], poses, "2 alphas"),
        ([*images[:2], images[2][:-1]], None, poses, "view 2"),
        (images, None, bad_pose, "view 2.*pose"),
        (images, nan, poses, "view 2.*finite"),
        (white, None, poses, "white"),
    ]
    for some_images, some_alphas, some_poses, message in cases:
        with pytest.raises(TrainingError, match=message):
            train_splats(some_images, some_alphas, CAMERA, some_poses, NO_POINTS, NO_COLORS, QUICK)


def test_poses_of_another_object_have_no_hull(photos):
    images, alphas, poses = (list(x[:12]) for x in photos)
    elsewhere = [pose.copy() for pose in poses]
    for pose in elsewhere[::2]:
        pose[0, 3] += 30.0
    with pytest.raises(TrainingError, match="hull"):
        train_splats(images, alphas, CAMERA, elsewhere, NO_POINTS, NO_COLORS, QUICK)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sh_degree": 4}, "sh_degree"),
        ({"iterations": 0}, "iterations"),
        ({"iterations": 1.5}, "iterations"),
        ({"max_gaussians": "many"}, "max_gaussians"),
        ({"ssim_weight": 1.2}, "ssim_weight"),
        ({"rate_means": float("nan")}, "rate_means"),
    ],
)
def test_impossible_settings_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        TrainerSettings(**change)
