from functools import lru_cache, partial

import numpy as np
import pytest
from splat_scenes import POSE, psnr, random_gaussians

torch = pytest.importorskip("torch")

from splat_tensors import (  # noqa: E402
    BACKGROUND,
    PARAMETERS,
    SIZE,
    clear_pixels,
    random_tensors,
    reference,
    relative_error,
    run,
    tensors_of,
)

from pad_ros.errors import ConfigError  # noqa: E402
from pad_ros.geometry import Camera, invert_rigid, look_at, pose_error  # noqa: E402
from pad_ros.splatting import cpu_autograd  # noqa: E402
from pad_ros.splatting import reference as oracle  # noqa: E402
from pad_ros.splatting.cpu import CpuRasterizer  # noqa: E402
from pad_ros.splatting.rasterization import rasterization  # noqa: E402


@pytest.fixture(scope="module", params=["avx2-1", "avx2-2", "portable-1", "portable-2"])
def cpu(request):
    kernels, threads = request.param.split("-")
    rasterizer = CpuRasterizer(threads=int(threads), portable=kernels == "portable")
    if rasterizer.kernels != kernels:
        pytest.skip(f"no {kernels} kernels on this processor")
    return partial(cpu_autograd.rasterize, rasterizer=rasterizer)


def assert_agree(got, expected):
    assert psnr(got.colors, expected.colors.numpy()) > 80.0
    assert psnr(got.alphas, expected.alphas.numpy()) > 80.0
    for name in PARAMETERS:
        assert relative_error(got.gradients[name], expected.gradients[name]) < 1e-3, name


@lru_cache
def expected_of(count, degree, seed):
    """A random scene, the pixels that count, and what the reference makes of it."""
    tensors = random_tensors(count, degree, seed)
    where = clear_pixels(tensors)
    return tensors, where, reference(tensors, where)


@pytest.mark.parametrize("seed", range(24))
def test_cpu_agrees_with_the_reference_in_values_and_every_gradient(cpu, seed):
    tensors, where, expected = expected_of(count=40 + 7 * seed, degree=seed % 4, seed=seed)
    assert 0.05 < expected.alphas.mean() < 0.95  # the scene shows both object and background
    assert where.float().mean() > 0.998
    assert_agree(run(cpu, tensors, background=torch.tensor(BACKGROUND), where=where), expected)


def test_a_pixel_on_a_cut_differs_alone(cpu):
    # One alpha of this scene is 1/255 but for 2e-7 of it: float32 may draw it, float64 does not. The picture jumps
    # there, so no rounding can make the two agree; all the rest must.
    tensors, where, expected = expected_of(count=100, degree=3, seed=3)
    assert not where[1, 8, 14] and (~where).sum() <= 2
    got = run(cpu, tensors, background=torch.tensor(BACKGROUND), where=where)
    assert_agree(got, expected)
    difference = (got.colors - expected.colors).abs().amax(dim=-1)
    assert difference[where].max() < 2e-5  # where hardly any light passes, the compiled one stops
    assert difference.max() < 2.0 / 255.0


def test_screen_gradients_are_the_reference_s(monkeypatch):
    gaussians = random_gaussians(150, 1, seed=4)
    tensors, splats, project = tensors_of(gaussians, [POSE]), [], oracle.project

    def watched_project(*arguments):
        splats.append(project(*arguments))
        splats[0].center.retain_grad()
        return splats[0]

    monkeypatch.setattr(oracle, "project", watched_project)
    inputs = {name: value.detach().double().requires_grad_(name == "means") for name, value in tensors.items()}
    colors, _ = rasterization(**inputs, **SIZE, backend="reference")
    d_color = torch.randn(colors.shape, generator=torch.Generator().manual_seed(0))
    (colors * d_color).sum().backward()
    expected = np.zeros(len(gaussians))
    expected[splats[0].order] = splats[0].center.grad.norm(dim=1)

    rasterizer = CpuRasterizer(threads=1)
    k = tensors["Ks"][0].numpy()
    camera = Camera(SIZE["width"], SIZE["height"], k[0, 0], k[1, 1], k[0, 2], k[1, 2])
    rendering, _ = rasterizer.forward(gaussians, camera, POSE)
    got = rasterizer.backward(gaussians, rendering, d_color[0].numpy(), np.zeros_like(rendering.transmittance))
    np.testing.assert_allclose(got.screen_signed, expected, rtol=1e-3, atol=1e-3 * expected.max())
    assert (got.screen >= got.screen_signed * 0.999).all()


def test_thin_gaussians(cpu):
    gaussians = random_gaussians(150, 0, seed=9)
    gaussians.log_scales[:, 0] -= 4.0  # flat disks: elongated on the screen
    gaussians.log_scales[::3, 1] -= 4.0  # and needles
    tensors = tensors_of(gaussians)
    assert_agree(run(cpu, tensors, background=torch.tensor(BACKGROUND)), reference(tensors))


def awkward_tensors():
    """Gaussians behind, at and around the camera, transparent and opaque, vast and tiny."""
    tensors = random_tensors(64, 2, seed=11)
    with torch.no_grad():
        center = torch.linalg.inv(tensors["viewmats"][0])[:3, 3]
        tensors["means"][:8] = 2.0 * center - tensors["means"][:8]
        tensors["means"][8:12] = center + 0.02 * torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
        tensors["means"][12] = center
        tensors["opacities"][16:24] = torch.tensor([0.0, 1e-30, 1e-3, 1 / 255, 0.999, 0.9999999, 1.0, 1.0])
        tensors["scales"][24:40] = torch.logspace(-30, 12, 16)[:, None]
        tensors["scales"][40:44, 1] = 0.0
    return tensors


def test_awkward_gaussians_have_finite_gradients(cpu):
    got = run(cpu, awkward_tensors(), background=torch.tensor(BACKGROUND))
    for images in (got.colors, got.alphas, *got.gradients.values()):
        assert torch.isfinite(images).all()
    assert (got.gradients["opacities"][:8] == 0).sum() >= 1  # behind one camera, if not both
    assert (got.gradients["means"][16:19] == 0).all()  # too faint to show


def test_opacity_one_and_zero(cpu):
    tensors = random_tensors(1, 0, seed=0)
    with torch.no_grad():
        tensors["means"][:] = 0.0
        tensors["scales"][:] = 3.0  # flat over a pixel
        for opacity, alpha in ((0.0, 0.0), (1.0, 0.999)):
            tensors["opacities"][:] = opacity
            inputs = {name: value.detach() for name, value in tensors.items()}
            _, alphas = cpu(**inputs, **SIZE, background=torch.tensor(BACKGROUND))
            assert alphas[0].max() == pytest.approx(alpha, abs=1e-6)


def test_no_gaussians(cpu):
    got = run(cpu, random_tensors(0, 1, seed=0), background=torch.tensor(BACKGROUND))
    assert (got.alphas == 0).all()
    np.testing.assert_allclose(got.colors, torch.tensor(BACKGROUND).expand(2, 40, 56, 3))
    assert (got.gradients["viewmats"] == 0).all()


def test_gradients_are_the_same_bits_for_any_number_of_threads():
    tensors = random_tensors(3000, 1, seed=5)
    results = [
        run(partial(cpu_autograd.rasterize, rasterizer=CpuRasterizer(threads)), tensors, background=torch.ones(3))
        for threads in (1, 2, 3)
    ]
    for result in results[1:]:
        for name in PARAMETERS:
            assert torch.equal(result.gradients[name], results[0].gradients[name]), name


def test_two_renderings_before_their_gradient():
    # The rasterizer holds one view: the others are drawn again when their gradient is asked for.
    first, second = random_tensors(60, 0, seed=1), random_tensors(40, 0, seed=2)
    alone = run(rasterization, first)

    def interrupted(**arguments):
        images = rasterization(**arguments)
        rasterization(**second, **SIZE)
        return images

    got = run(interrupted, first)
    for name in PARAMETERS:
        assert torch.equal(got.gradients[name], alone.gradients[name]), name


def rigid(rotation, translation):
    """The transform [4, 4] of a rotation vector and a translation, differentiable."""
    x, y, z = rotation
    zero = torch.zeros(())
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    upper = torch.cat([torch.linalg.matrix_exp(cross), translation[:, None]], dim=1)
    return torch.cat([upper, torch.tensor([[0.0, 0.0, 0.0, 1.0]])])


def test_descent_on_the_pose_gradient_recovers_the_pose():
    eye = np.array([1.5, -2.0, 1.2])
    truth = look_at(eye, np.zeros(3), np.array([0.0, 0.0, 1.0]))
    tensors = {name: value.detach() for name, value in tensors_of(random_gaussians(300, 1, 4), [truth]).items()}
    true_view = tensors.pop("viewmats")[0]
    size = {"width": 80, "height": 64}
    tensors["Ks"] = torch.tensor([[[110.0, 0.0, 40.0], [0.0, 110.0, 32.0], [0.0, 0.0, 1.0]]])
    photo, _ = rasterization(**tensors, viewmats=true_view[None], **size)

    off = torch.tensor([0.6, -0.6, 0.5])
    shift = 0.01 * np.linalg.norm(eye) * torch.tensor([0.6, -0.6, 0.53])
    start_view = rigid(torch.deg2rad(off / off.norm()), shift) @ true_view
    update = torch.zeros(6, requires_grad=True)
    optimizer = torch.optim.Adam([update], lr=4e-3)
    errors = []
    for _ in range(100):
        view = start_view @ rigid(update[:3], update[3:])
        colors, _ = rasterization(**tensors, viewmats=view[None], **size)
        loss = torch.nn.functional.mse_loss(colors, photo)
        errors.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    before = pose_error(invert_rigid(start_view.double().numpy()), truth)
    after = pose_error(invert_rigid(view.detach().double().numpy()), truth)
    assert errors[-1] < 1e-3 * errors[0]
    assert before[0] > 0.9 and after[0] < 0.05 * before[0]  # degrees
    assert before[1] > 0.009 and after[1] < 0.05 * before[1]  # relative distance


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backend": "vulkan"}, "no backend 'vulkan'; choose one of cpu, cuda, reference"),
        ({"means": torch.zeros(5, 2)}, r"means has shape \(5, 2\), expected \(5, 3\)"),
        ({"quats": torch.zeros(4, 4)}, "quats has shape"),
        ({"opacities": torch.zeros(5, 1)}, "opacities has shape"),
        ({"sh": torch.zeros(5, 3)}, "sh has shape"),
        ({"sh": torch.zeros(5, 5, 3)}, "5 coefficients"),
        ({"viewmats": torch.zeros(4, 4)}, "viewmats has shape"),
        ({"viewmats": torch.zeros(0, 4, 4), "Ks": torch.zeros(0, 3, 3)}, "no view"),
        ({"Ks": torch.zeros(1, 3, 3)}, "Ks has shape"),
        ({"Ks": torch.eye(3).repeat(2, 1, 1).requires_grad_()}, "no gradient for Ks"),
        ({"scales": torch.zeros(5, 3).double()}, "scales is torch.float64"),
        ({"scales": torch.zeros(5, 3, device="meta")}, "scales is torch.float32 on meta"),
        ({"scales": np.zeros((5, 3))}, "scales must be a torch tensor, got ndarray"),
        ({"width": 0}, "width must be an integer > 0"),
        ({"height": 4.0}, "height must be an integer > 0"),
        ({"background": (1.0, 1.0)}, "background needs 3 values"),
        ({"backend": "cuda"}, "needs tensors on 'cuda'"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        rasterization(**{**random_tensors(5, 0, 0), **SIZE, **change})


def test_double_precision_is_refused_where_there_is_none():
    tensors = {name: value.double() for name, value in random_tensors(5, 0, 0).items()}
    with pytest.raises(ConfigError, match="backend 'cpu' takes float32"):
        rasterization(**tensors, **SIZE)
