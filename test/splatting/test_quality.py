import cv2
import numpy as np
import pytest
from splat_scenes import CAMERA, POSE, random_gaussians

from pad_ros.errors import EvaluationError
from pad_ros.geometry import look_at
from pad_ros.splatting.cpu import CpuRasterizer
from pad_ros.splatting.quality import measure_quality, openings, ssim_map
from pad_ros.splatting.views import make_views

POSES = [POSE, look_at(np.array([-1.7, -1.3, -0.6]), np.zeros(3), np.array([0.0, 0.0, 1.0]))]


def views_of(gaussians, alphas=True, change=lambda image, alpha: (image, alpha)):
    rasterizer = CpuRasterizer(threads=1)
    renderings = [rasterizer.render(gaussians, CAMERA, pose) for pose in POSES]
    images = [np.rint(np.clip(r.color, 0, 1) * 255).astype(np.uint8) for r in renderings]
    pairs = [change(image, 1.0 - r.transmittance) for image, r in zip(images, renderings, strict=True)]
    return make_views([p[0] for p in pairs], [p[1] for p in pairs] if alphas else None, CAMERA, POSES)


@pytest.fixture(scope="module")
def gaussians():
    scene = random_gaussians(40, 0, seed=3)
    scene.logit_opacities[:] = 4.0
    return scene


def test_the_truth_itself_is_perfect_but_for_rounding(gaussians):
    quality = measure_quality(gaussians, views_of(gaussians), CpuRasterizer(threads=1))
    assert quality.psnr_inside > 55 and quality.psnr > 55
    assert quality.ssim_inside > 0.999 and quality.mask_iou == pytest.approx(1.0, abs=5e-3)


def test_errors_count_where_they_are(gaussians):
    def darken_inside(image, alpha):
        return np.where(alpha[..., None] >= 0.5, image - np.minimum(image, 26), image), alpha

    dark = views_of(gaussians, change=darken_inside)
    quality = measure_quality(gaussians, dark, CpuRasterizer(threads=1))
    share = np.mean([(view.alpha >= 128).mean() for view in dark])
    assert quality.psnr_inside < 22 and quality.psnr == pytest.approx(quality.psnr_inside - 10 * np.log10(share), abs=1)

    def halve(image, alpha):
        return image, alpha * (np.arange(alpha.shape[1]) < 20)

    half = measure_quality(gaussians, views_of(gaussians, change=halve), CpuRasterizer(threads=1))
    assert 0.3 < half.mask_iou < 0.8 and half.psnr > 55


def test_openings_are_what_the_object_surrounds():
    mask = np.zeros((8, 9), bool)
    mask[1:6, 1:7] = True
    mask[2:4, 2] = mask[4, 4] = mask[1, 6] = False  # two openings, and a bite out of the corner
    expected = np.zeros_like(mask)
    expected[2:4, 2] = expected[4, 4] = True
    np.testing.assert_array_equal(openings(mask), expected)
    assert not openings(np.ones((3, 3), bool)).any()


def test_a_filled_hole_shows(gaussians):
    def pierce(image, alpha):
        rows, columns = np.nonzero(cv2.erode((alpha >= 0.9).astype(np.uint8), np.ones((7, 7))))
        window = slice(rows[0] - 1, rows[0] + 2), slice(columns[0] - 1, columns[0] + 2)
        pierced = alpha.copy()
        pierced[window] = 0.0
        return image, pierced

    quality = measure_quality(gaussians, views_of(gaussians), CpuRasterizer(threads=1))
    pierced = measure_quality(gaussians, views_of(gaussians, change=pierce), CpuRasterizer(threads=1))
    assert not quality.holes_open < 0.9  # NaN where the scene has none
    assert pierced.holes_open < 0.9


def test_ssim_of_a_flat_patch_is_the_formulas():
    a, b = np.full((30, 30, 3), 0.5), np.full((30, 30, 3), 0.6)
    np.testing.assert_allclose(ssim_map(a, b), (2 * 0.3 + 1e-4) / (0.25 + 0.36 + 1e-4), rtol=1e-6)
    noise = np.random.default_rng(0).uniform(0, 1, (40, 40, 3))
    np.testing.assert_allclose(ssim_map(noise, noise), 1.0)
    assert ssim_map(noise, cv2.GaussianBlur(noise, (0, 0), 2.0)).mean() < 0.5


def test_views_that_say_nothing_are_refused(gaussians):
    with pytest.raises(EvaluationError, match="no views"):
        measure_quality(gaussians, [], CpuRasterizer(threads=1))
    with pytest.raises(EvaluationError, match="view 0 has no alpha"):
        measure_quality(gaussians, views_of(gaussians, alphas=False), CpuRasterizer(threads=1))
