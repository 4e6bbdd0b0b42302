import golden
import numpy as np
import pytest
from splat_scenes import CAMERA, POSE, psnr, random_gaussians

from pad_ros.errors import ConfigError
from pad_ros.geometry import Camera, invert_rigid, look_at
from pad_ros.splatting.cpu import CpuRasterizer, empty_gradients
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.rasterize import create_rasterizer

PARAMETERS = ("means", "quats", "log_scales", "logit_opacities", "sh")
SCREEN = ("screen", "screen_signed")


@pytest.fixture(scope="module", params=[False, True], ids=["simd", "portable"])
def rasterizer(request):
    return CpuRasterizer(threads=2, portable=request.param)


@pytest.fixture(scope="module")
def expected():
    with np.load(golden.FILE) as file:
        return dict(file)


def scene_of(expected):
    return Gaussians(**{name: expected[name] for name in PARAMETERS})


def test_picture_is_the_reference_s(rasterizer, expected):
    got = rasterizer.render(scene_of(expected), golden.CAMERA, POSE, golden.BACKGROUND)
    assert psnr(got.color, expected["color"]) > 80.0
    assert psnr(got.transmittance, expected["transmittance"]) > 80.0
    assert 0.05 < expected["transmittance"].mean() < 0.95  # the scene shows both object and background


def test_every_gradient_is_the_reference_s(rasterizer, expected):
    gaussians = scene_of(expected)
    rendering, _ = rasterizer.forward(gaussians, golden.CAMERA, POSE, golden.BACKGROUND)
    out = empty_gradients(gaussians, pose=True)
    rasterizer.backward(gaussians, rendering, *golden.weights(), out)
    got = {name: getattr(out, name) for name in PARAMETERS}
    got["viewmat"] = viewmat_gradient(out.pose, invert_rigid(POSE))
    for name, value in got.items():
        truth = expected[f"d_{name}"]
        if name == "viewmat":
            value, truth = value[:3], truth[:3]
        assert np.abs(value - truth).max() < 1e-3 * np.abs(truth).max(), name


def viewmat_gradient(pose, viewmat):
    """dL/d(rotation | translation) [3, 4], the camera's centre -R^-1 t being part of them."""
    rotation, center = viewmat[:3, :3], -viewmat[:3, :3].T @ viewmat[:3, 3]
    through = -rotation @ pose[4]
    return np.column_stack([pose[:3] + np.outer(through, center), pose[3] + through])


def test_gradients_without_the_pose_are_the_same(rasterizer, expected):
    gaussians = scene_of(expected)
    rendering, _ = rasterizer.forward(gaussians, golden.CAMERA, POSE)
    without = rasterizer.backward(gaussians, rendering, *golden.weights())
    out = rasterizer.backward(gaussians, rendering, *golden.weights(), empty_gradients(gaussians, pose=True))
    assert without.pose is None
    for name in (*PARAMETERS, *SCREEN):
        np.testing.assert_array_equal(getattr(without, name), getattr(out, name))


def test_screen_gradients_of_one_pixel_are_the_same_with_and_without_signs(rasterizer):
    gaussians = random_gaussians(200, 1, seed=3)
    rendering, _ = rasterizer.forward(gaussians, CAMERA, POSE)
    d_color, d_transmittance = np.zeros_like(rendering.color), np.zeros_like(rendering.transmittance)
    d_color[17, 20] = [1.0, -2.0, 3.0]
    out = rasterizer.backward(gaussians, rendering, d_color, d_transmittance)
    assert (out.screen_signed > 0).sum() > 10
    np.testing.assert_allclose(out.screen_signed, out.screen, rtol=1e-4, atol=1e-6 * out.screen.max())


def disk(mean):
    """A disk of 0.3 by 0.2 that faces the camera at the origin."""
    return Gaussians(
        means=[mean],
        quats=[[2.0, 0.0, 0.0, 0.0]],
        log_scales=[[np.log(0.3), np.log(0.2), -30.0]],
        logit_opacities=[np.log(0.8 / 0.2)],
        sh=[[[0.1, 0.4, -3.0]]],
    )


def test_opposite_pulls_cancel_only_with_signs(rasterizer):
    centred = disk([0.0, 0.0, 4.0])
    rendering, _ = rasterizer.forward(centred, Camera(56, 40, 50.0, 45.0, 28.0, 20.0), np.eye(4))
    ones = np.ones_like(rendering.transmittance)  # to grow would be as good to the left as to the right
    out = rasterizer.backward(centred, rendering, np.zeros_like(rendering.color), ones)
    assert out.screen[0] > 1.0
    assert out.screen_signed[0] < 1e-5 * out.screen[0]


def test_the_signed_screen_gradient_is_that_of_moving_the_picture(rasterizer):
    gaussian = disk([0.1, -0.2, 4.0])

    def moved(u, v):
        return rasterizer.render(gaussian, Camera(56, 40, 50.0, 45.0, 30.0 + u, 18.0 + v), np.eye(4))

    d_transmittance = np.random.default_rng(2).normal(size=(40, 56)).astype(np.float32)
    d_transmittance[moved(0, 0).transmittance > 0.95] = 0.0  # away from where faint alphas are cut
    h = 0.02
    change = (
        moved(h, 0).transmittance - moved(-h, 0).transmittance,
        moved(0, h).transmittance - moved(0, -h).transmittance,
    )
    slope = [(d_transmittance * values).sum() / (2 * h) for values in change]
    rendering = moved(0, 0)
    out = rasterizer.backward(gaussian, rendering, np.zeros_like(rendering.color), d_transmittance)
    assert out.screen_signed[0] == pytest.approx(np.hypot(*slope), rel=1e-3)


def test_moving_all_gaussians_is_moving_the_camera(rasterizer):
    gaussians = random_gaussians(2500, 2, seed=13)  # more than one share of the sum
    rng = np.random.default_rng(1)
    rendering, _ = rasterizer.forward(gaussians, CAMERA, POSE)
    d_color = rng.normal(size=rendering.color.shape).astype(np.float32)
    out = empty_gradients(gaussians, pose=True)
    rasterizer.backward(gaussians, rendering, d_color, d_color[..., 0].copy(), out)
    np.testing.assert_allclose(out.means.sum(axis=0), out.pose[3] @ invert_rigid(POSE)[:3, :3] - out.pose[4], rtol=1e-3)


def test_one_gaussian_in_closed_form(rasterizer):
    # A disk that faces the camera at depth 4: (f s / z)^2 + 0.3 px^2 on the screen, faded by the same ratio.
    camera = Camera(56, 40, 50.0, 45.0, 30.0, 18.0)
    got = rasterizer.render(disk([0.1, -0.2, 4.0]), camera, np.eye(4), (1.0, 0.5, 0.0))
    u, v = 50.0 * 0.1 / 4 + 30.0, -45.0 * 0.2 / 4 + 18.0
    raw = np.square([50.0 * 0.3 / 4, 45.0 * 0.2 / 4])
    var_x, var_y = raw + 0.3
    y, x = np.mgrid[:40, :56] + 0.5
    alpha = 0.8 * np.sqrt(raw.prod() / (var_x * var_y)) * np.exp(-0.5 * ((x - u) ** 2 / var_x + (y - v) ** 2 / var_y))
    alpha = np.where(alpha >= 1 / 255, alpha, 0.0)[..., None]
    rgb = np.maximum(0.5 + np.array([0.1, 0.4, -3.0]) / np.sqrt(4 * np.pi), 0.0)
    np.testing.assert_allclose(got.color, alpha * rgb + (1 - alpha) * [1.0, 0.5, 0.0], atol=1e-5)
    np.testing.assert_allclose(got.transmittance, 1 - alpha[..., 0], atol=1e-5)
    assert rasterizer.composited == (alpha > 0).sum()


def test_the_nearer_one_covers_the_farther(rasterizer):
    gaussians = Gaussians(
        means=[[0.0, 0.0, 3.0], [0.0, 0.0, 2.0]],
        quats=np.eye(4)[[0, 0]],
        log_scales=np.full((2, 3), np.log(2.0)),
        logit_opacities=[20.0, 0.0],
        sh=[[[1.7, -3.0, -3.0]], [[-3.0, 1.7, -3.0]]],
    )
    got = rasterizer.render(gaussians, CAMERA, np.eye(4), (0.0, 0.0, 1.0))
    np.testing.assert_allclose(got.color[17, 20], [0.4898, 0.4898, 0.0005], atol=3e-3)


def test_gaussians_behind_the_camera_and_out_of_view_do_not_show(rasterizer):
    gaussians = random_gaussians(20, 0, seed=1)
    gaussians.means[:10] += 3.0 * (POSE[:3, 3] - gaussians.means[:10])
    gaussians.means[10:] += 50.0 * POSE[:3, 0]
    got, box = rasterizer.forward(gaussians, CAMERA, POSE, (0.0, 0.5, 1.0))
    assert box is None
    assert (got.transmittance == 1.0).all()
    np.testing.assert_array_equal(got.color, np.broadcast_to(np.float32([0.0, 0.5, 1.0]), got.color.shape))


def test_gradients_are_the_same_bits_for_any_number_of_threads():
    gaussians = random_gaussians(3000, 1, seed=5)
    camera = Camera(100, 100, 110.0, 110.0, 50.0, 50.0)
    results = []
    for threads in (1, 2, 3):
        rasterizer = CpuRasterizer(threads=threads)
        rendering, _ = rasterizer.forward(gaussians, camera, POSE)
        ones = np.ones_like(rendering.color)
        results.append((rendering.color, rasterizer.backward(gaussians, rendering, ones, ones[..., 0].copy())))
    for color, gradients in results[1:]:
        np.testing.assert_array_equal(color, results[0][0])
        for name in (*PARAMETERS, *SCREEN):
            np.testing.assert_array_equal(getattr(gradients, name), getattr(results[0][1], name))


def test_lower_harmonics_only():
    gaussians = random_gaussians(30, 2, seed=6)
    rasterizer = CpuRasterizer(threads=1)
    low, _ = rasterizer.forward(gaussians, CAMERA, POSE, sh_degree=1)
    cut = Gaussians(*(getattr(gaussians, n) for n in PARAMETERS[:4]), gaussians.sh[:, :4])
    np.testing.assert_allclose(low.color, rasterizer.render(cut, CAMERA, POSE).color, atol=1e-6)


def test_halving_the_resolution_keeps_the_picture():
    # Without the compensation of the dilation, small splats would grow dark and fat when rendered small.
    camera = Camera(128, 128, 140.0, 140.0, 64.0, 64.0)
    gaussians = random_gaussians(2000, 0, seed=7)
    gaussians.log_scales[:] = np.log(0.008)
    rasterizer = CpuRasterizer(threads=1)
    large = rasterizer.render(gaussians, camera, POSE).transmittance
    small = rasterizer.render(gaussians, camera.scaled(0.5), POSE).transmittance
    averaged = large.reshape(64, 2, 64, 2).mean(axis=(1, 3))
    assert abs(small.mean() - averaged.mean()) < 0.01
    assert psnr(small, averaged) > 30.0


def test_splats_behind_opaque_ones_are_not_composited(rasterizer):
    wall = Gaussians(
        means=[[0.0, 0.0, z] for z in (2.0, 3.0, 4.0, 5.0)],
        quats=np.eye(4)[[0, 0, 0, 0]],
        log_scales=np.full((4, 3), np.log(20.0)),
        logit_opacities=np.full(4, 20.0),
        sh=np.zeros((4, 1, 3)),
    )
    rasterizer.forward(wall, CAMERA, np.eye(4))
    assert rasterizer.composited == 2 * CAMERA.width * CAMERA.height  # two let 1e-6 of the light pass


@pytest.mark.parametrize("portable", [False, True])
def test_multiply_adds_are_counted(portable):
    assert CpuRasterizer(threads=2, portable=portable).multiply_add(1000) == 2 * 1000 * 12 * 8 * 2


def ssim_reference(a, b):
    window = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window /= window.sum()

    def blur(x):
        for axis in (0, 1):
            x = np.apply_along_axis(np.convolve, axis, x, window, "same")
        return x

    mu_a, mu_b = blur(a), blur(b)
    var_a, var_b, cov = blur(a * a) - mu_a**2, blur(b * b) - mu_b**2, blur(a * b) - mu_a * mu_b
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * mu_a * mu_b + c1) * (2 * cov + c2)) / ((mu_a**2 + mu_b**2 + c1) * (var_a + var_b + c2))


# The second is worked out in several pieces, three beside and two above each other.
@pytest.mark.parametrize(("size", "crop"), [((40, 36), (3, 5, 34, 32)), ((610, 150), (7, 9, 604, 144))])
def test_loss_and_its_gradient(rasterizer, size, crop):
    rng = np.random.default_rng(8)
    camera = Camera(*size, size[0], size[0], size[0] / 2, size[1] / 2)
    rendering, _ = rasterizer.forward(random_gaussians(40, 0, seed=8), camera, POSE)
    target = rng.integers(0, 256, rendering.color.shape, dtype=np.uint8)
    alpha = rng.integers(0, 256, rendering.transmittance.shape, dtype=np.uint8)
    x0, y0, x1, y1 = crop

    def loss(color, transmittance):
        a, b = color[y0:y1, x0:x1], target[y0:y1, x0:x1] / 255.0
        ssim = np.stack([ssim_reference(a[..., c], b[..., c]) for c in range(3)])
        l1 = np.abs(a - b).sum() / color.size
        alpha_l1 = np.abs(transmittance - 1 + alpha / 255.0)[y0:y1, x0:x1].sum() / transmittance.size
        return 0.8 * l1 + 0.2 * (1 - ssim).sum() / color.size + 0.3 * alpha_l1, l1, alpha_l1

    d_color, d_transmittance = np.zeros_like(rendering.color), np.zeros_like(rendering.transmittance)
    value = rasterizer.loss(rendering, target, alpha, crop, 0.2, 0.3, d_color, d_transmittance)
    color, transmittance = rendering.color.astype(np.float64), rendering.transmittance.astype(np.float64)
    total, l1, alpha_l1 = loss(color, transmittance)
    assert value.l1 == pytest.approx(l1, rel=1e-4)
    assert value.alpha_l1 == pytest.approx(alpha_l1, rel=1e-4)
    assert 0.8 * value.l1 + 0.2 * value.dissimilarity + 0.3 * value.alpha_l1 == pytest.approx(total, rel=1e-4)

    for _ in range(3):  # directional derivatives see every pixel
        direction, through = rng.normal(size=color.shape), rng.normal(size=transmittance.shape)
        h = 1e-7
        ahead, behind = (loss(color + s * direction, transmittance + s * through)[0] for s in (h, -h))
        expected = (ahead - behind) / (2 * h)
        got = (d_color * direction).sum() + (d_transmittance * through).sum()
        assert got == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_adam_agrees_with_its_formula(rasterizer):
    rng = np.random.default_rng(4)
    parameters = rng.normal(size=(13, 3)).astype(np.float32)
    first, second = np.zeros_like(parameters), np.zeros_like(parameters)
    rates = np.array([0.1, 0.01, 0.0], np.float32)
    expected, m, v = parameters.astype(np.float64), 0.0, 0.0
    for step in range(1, 6):
        gradients = rng.normal(size=(13, 3)).astype(np.float32)
        rasterizer.adam(parameters, gradients, first, second, rates, step)
        m, v = 0.9 * m + 0.1 * gradients, 0.999 * v + 0.001 * gradients.astype(np.float64) ** 2
        expected -= rates * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-15)
    np.testing.assert_allclose(parameters, expected, atol=1e-5)


def test_rendering_nothing():
    pose = look_at(np.array([0.0, -2.0, 0.0]), np.zeros(3), np.array([0.0, 0.0, 1.0]))
    rendering = create_rasterizer({"name": "cpu", "threads": 1}).render(random_gaussians(0, 1, 0), CAMERA, pose)
    assert (rendering.color == 1.0).all() and (rendering.transmittance == 1.0).all()


def test_bad_settings_are_refused():
    with pytest.raises(ConfigError, match="threads"):
        create_rasterizer({"name": "cpu", "threads": -1})
    with pytest.raises(ConfigError, match="no implementation"):
        create_rasterizer({"name": "vulkan"})
    with pytest.raises(ConfigError, match="forward"):
        CpuRasterizer(threads=1).backward(random_gaussians(1, 0, 0), None, np.zeros(1), np.zeros(1))
