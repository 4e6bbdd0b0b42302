import numpy as np
import pytest
from splat_scenes import CAMERA, POSE, psnr, random_gaussians

from pad_ros.errors import ConfigError
from pad_ros.geometry import Camera, look_at
from pad_ros.splatting.cpu import CpuRasterizer
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.splatting.reference import render_reference

PARAMETERS = ("means", "quats", "log_scales", "logit_opacities", "sh")


def arrays64(gaussians):
    return [getattr(gaussians, name).astype(np.float64) for name in PARAMETERS]


@pytest.fixture(scope="module", params=[False, True], ids=["simd", "portable"])
def rasterizer(request):
    return CpuRasterizer(threads=2, portable=request.param)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_forward_agrees_with_reference(rasterizer, degree):
    gaussians = random_gaussians(60, degree, seed=degree)
    background = (0.2, 0.9, 0.5)
    got = rasterizer.render(gaussians, CAMERA, POSE, background)
    color, transmittance = render_reference(*arrays64(gaussians), CAMERA, POSE, background)
    assert psnr(got.color, color) > 60.0
    assert psnr(got.transmittance, transmittance) > 60.0
    assert 0.05 < transmittance.mean() < 0.95  # the scene shows both object and background


def test_forward_agrees_on_many_thin_gaussians_over_many_tiles(rasterizer):
    camera = Camera(150, 90, 160.0, 160.0, 75.0, 45.0)
    gaussians = random_gaussians(300, 0, seed=9)
    gaussians.log_scales[:, 0] -= 4.0  # flat disks: elongated on the screen
    gaussians.log_scales[::3, 1] -= 4.0  # and needles
    got = rasterizer.render(gaussians, camera, POSE)
    color, transmittance = render_reference(*arrays64(gaussians), camera, POSE)
    assert psnr(got.color, color) > 55.0
    assert psnr(got.transmittance, transmittance) > 55.0


def test_gaussians_behind_the_camera_and_out_of_view_do_not_show(rasterizer):
    gaussians = random_gaussians(20, 0, seed=1)
    gaussians.means[:10] += 3.0 * (POSE[:3, 3] - gaussians.means[:10])
    gaussians.means[10:] += 50.0 * POSE[:3, 0]
    got, box = rasterizer.forward(gaussians, CAMERA, POSE, (0.0, 0.5, 1.0))
    assert box is None
    assert (got.transmittance == 1.0).all()
    np.testing.assert_array_equal(got.color, np.broadcast_to(np.float32([0.0, 0.5, 1.0]), got.color.shape))


@pytest.mark.parametrize("degree", [0, 3])
def test_every_gradient_agrees_with_finite_differences(rasterizer, degree):
    gaussians = random_gaussians(12, degree, seed=20 + degree)
    rng = np.random.default_rng(3)
    d_color = rng.normal(size=(CAMERA.height, CAMERA.width, 3)).astype(np.float32)
    d_transmittance = rng.normal(size=(CAMERA.height, CAMERA.width)).astype(np.float32)
    background = (1.0, 0.8, 0.3)
    rendering, _ = rasterizer.forward(gaussians, CAMERA, POSE, background)
    gradients = rasterizer.backward(gaussians, rendering, d_color, d_transmittance)

    base = arrays64(gaussians)

    def loss(arrays):
        color, transmittance = render_reference(*arrays, CAMERA, POSE, background)
        return (color * d_color).sum() + (transmittance * d_transmittance).sum()

    for k, name in enumerate(PARAMETERS):
        flat = base[k].ravel()
        expected = np.empty_like(flat)
        for i, value in enumerate(flat):
            sides = []
            for step in (1e-6, -1e-6):  # small, so that hardly a pixel crosses the 1/255 cut
                flat[i] = value + step
                sides.append(loss(base))
            flat[i] = value
            expected[i] = (sides[0] - sides[1]) / 2e-6
        got = getattr(gradients, name).ravel()
        error = np.abs(got - expected)
        assert error.max() < 1e-3 * np.abs(expected).max(), name
        assert np.linalg.norm(error) < 1e-3 * np.linalg.norm(expected), name


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
        for name in (*PARAMETERS, "screen"):
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


def test_loss_and_its_gradient(rasterizer):
    rng = np.random.default_rng(8)
    rendering, _ = rasterizer.forward(random_gaussians(40, 0, seed=8), CAMERA, POSE)
    target = rng.integers(0, 256, rendering.color.shape, dtype=np.uint8)
    alpha = rng.integers(0, 256, rendering.transmittance.shape, dtype=np.uint8)
    x0, y0, x1, y1 = crop = (3, 5, 34, 32)

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
