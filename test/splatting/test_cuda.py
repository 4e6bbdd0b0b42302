import dataclasses
import sys

import numpy as np
import pytest
from splat_scenes import CAMERA, POSE, psnr, random_gaussians, rates_of, start_and_views

from pad_ros.errors import BuildError
from pad_ros.splatting.cpu import CpuRasterizer
from pad_ros.splatting.engine import create_engine
from pad_ros.splatting.gaussians import PARAMETERS
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.splatting.settings import TrainerSettings


def test_missing_torch_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BuildError, match="no PyTorch: `pip install torch"):
        create_rasterizer({"name": "cuda"})


def test_missing_gpu_is_said(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BuildError, match="no GPU; use the rasterizer 'cpu'"):
        create_rasterizer({"name": "cuda"})


def test_missing_gsplat_is_said(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setitem(sys.modules, "gsplat", None)
    with pytest.raises(BuildError, match=r"`pip install gsplat==1\.5\.3`"):
        create_rasterizer({"name": "cuda"})


def test_the_reference_projects_and_colours_as_gsplat_does():
    # gsplat's own check in PyTorch, which needs no GPU.
    torch = pytest.importorskip("torch")
    gsplat = pytest.importorskip("gsplat.cuda._torch_impl")
    from splat_tensors import SIZE, random_tensors

    from pad_ros.splatting import reference

    scene = {name: value.detach().double() for name, value in random_tensors(200, 3, seed=1).items()}
    covariances = gsplat._quat_scale_to_covar_preci(scene["quats"], scene["scales"], True, False)[0]
    _, _, _, conics, compensations = gsplat._fully_fused_projection(
        scene["means"], covariances, scene["viewmats"], scene["Ks"], **SIZE, eps2d=0.3, calc_compensations=True
    )
    gaussians = tuple(scene[name] for name in ("means", "quats", "scales", "opacities", "sh"))
    for viewmat, camera, conic, compensation in zip(scene["viewmats"], scene["Ks"], conics, compensations, strict=True):
        got = reference.project(gaussians, viewmat, camera, **SIZE)
        inverse = torch.linalg.inv(got.covariance)
        torch.testing.assert_close(inverse[:, [0, 0, 1], [0, 1, 1]], conic[got.order])
        torch.testing.assert_close(got.peak, scene["opacities"][got.order] * compensation[got.order])
        direction = torch.nn.functional.normalize(scene["means"] - torch.linalg.inv(viewmat)[:3, 3], dim=1)
        color = (gsplat._spherical_harmonics(3, direction, scene["sh"]) + 0.5).clamp(min=0.0)
        torch.testing.assert_close(got.color, color[got.order])


def test_without_gaussians_there_are_gradients_all_the_same(monkeypatch):
    # gsplat's kernels are not called for that, so it needs no GPU.
    torch = pytest.importorskip("torch")
    from splat_tensors import random_tensors, run

    from pad_ros.splatting import cuda

    monkeypatch.setattr(cuda, "_load_gsplat", lambda: None)
    got = run(cuda.rasterize, random_tensors(0, 1, seed=0), background=torch.tensor([0.2, 0.9, 0.5]))
    assert (got.alphas == 0).all() and (got.gradients["viewmats"] == 0).all()
    torch.testing.assert_close(got.colors[1, 5, 7], torch.tensor([0.2, 0.9, 0.5], dtype=torch.float64))


@pytest.fixture
def gpu():
    if not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("no CUDA device")
    pytest.importorskip("gsplat")


@pytest.mark.gpu
@pytest.mark.parametrize(("count", "degree", "seed"), [(50, 0, 0), (120, 1, 1), (200, 3, 2)])
def test_cuda_agrees_with_the_reference_in_values_and_every_gradient(gpu, count, degree, seed):
    from splat_tensors import PARAMETERS, random_tensors, reference, relative_error, run

    from pad_ros.splatting.rasterization import rasterization

    tensors = random_tensors(count, degree, seed)
    got, expected = run(rasterization, tensors, device="cuda", backend="cuda"), reference(tensors)
    assert psnr(got.colors, expected.colors.numpy()) > 40.0
    assert psnr(got.alphas, expected.alphas.numpy()) > 40.0
    for name in PARAMETERS:
        assert relative_error(got.gradients[name], expected.gradients[name]) < 1e-2, name


@pytest.mark.gpu
def test_cuda_without_gaussians(gpu):
    from splat_tensors import random_tensors, run

    from pad_ros.splatting.rasterization import rasterization

    got = run(rasterization, random_tensors(0, 1, seed=0), device="cuda", backend="cuda")
    assert (got.alphas == 0).all()


@pytest.mark.gpu
@pytest.mark.parametrize("degree", [0, 3])
def test_both_rasterizers_render_the_same_picture(gpu, degree):
    gaussians = random_gaussians(3000, degree, seed=degree)
    background = (0.2, 0.9, 0.5)
    cpu = CpuRasterizer().render(gaussians, CAMERA, POSE, background)
    cuda = create_rasterizer({"name": "cuda"}).render(gaussians, CAMERA, POSE, background)
    assert psnr(cuda.color, cpu.color) > 40.0
    assert psnr(cuda.transmittance, cpu.transmittance) > 40.0


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["screen", "screen_signed"])
def test_one_training_step_is_the_cpu_s(gpu, kind):
    start, views = start_and_views(count=120, degree=3)
    states, scores, errors = [], [], []
    for name in ("cpu", "cuda"):
        engine = create_engine(TrainerSettings(rasterizer=name, threads=1))
        engine.begin(start)
        errors.append(float(engine.step(views[0], 3, rates_of(start), lambda gradients, _: getattr(gradients, kind))))
        states.append(engine.state())
        scores.append(engine.score())
    assert errors[1] == pytest.approx(errors[0], rel=1e-2)
    for name in PARAMETERS:  # after one step the momentum is a tenth of the gradient
        cpu, cuda = (state[f"first_{name}"] for state in states)
        assert np.abs(cuda - cpu).max() < 1e-2 * np.abs(cpu).max(), name
    assert np.abs(scores[1] - scores[0]).max() < 1e-2 * scores[0].max() > 0


@pytest.mark.gpu
@pytest.mark.parametrize("preset", ["QUICK", "PAPER"])
def test_training_on_cuda_is_as_good_as_on_the_cpu(gpu, preset):
    import test_trainer

    photos, settings = test_trainer.make_photos(), getattr(test_trainer, preset)
    results = [
        test_trainer.train(photos, dataclasses.replace(settings, rasterizer=name), points=test_trainer.POINTS)
        for name in ("cpu", "cuda")
    ]
    (cpu, cpu_iou), (cuda, cuda_iou) = (test_trainer.held_out_quality(result, photos) for result in results)
    assert cuda > cpu - 1.0 and cuda_iou > cpu_iou - 0.03
    assert len(results[1]) == pytest.approx(len(results[0]), rel=0.1)
