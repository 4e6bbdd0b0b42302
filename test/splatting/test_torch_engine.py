"""What trains on CUDA against what trains on the CPU, with the float64 reference in gsplat's place: needs no GPU."""

import dataclasses
import inspect
import sys
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from splat_scenes import CAMERA, POSE, poses_around, psnr, rates_of, start_and_views  # noqa: E402

from pad_ros.splatting import engine as engine_module  # noqa: E402
from pad_ros.splatting import reference, trainer  # noqa: E402
from pad_ros.splatting.checkpoint import Checkpoint  # noqa: E402
from pad_ros.splatting.cpu import CpuRasterizer  # noqa: E402
from pad_ros.splatting.cpu_engine import CpuEngine  # noqa: E402
from pad_ros.splatting.cuda import draw_to_train  # noqa: E402
from pad_ros.splatting.densify import create_densifier  # noqa: E402
from pad_ros.splatting.gaussians import PARAMETERS, Gaussians  # noqa: E402
from pad_ros.splatting.rasterize import Rendering  # noqa: E402
from pad_ros.splatting.settings import TrainerSettings  # noqa: E402
from pad_ros.splatting.torch_engine import TorchEngine, image_loss  # noqa: E402

SETTINGS = TrainerSettings(ssim_weight=0.2, alpha_weight=0.2, threads=1)


def rasterization(
    means,
    quats,
    scales,
    opacities,
    colors,
    viewmats,
    Ks,  # noqa: N803 - gsplat's name
    width,
    height,
    near_plane,
    eps2d,
    sh_degree,
    packed,
    backgrounds,
    absgrad,
    rasterize_mode,
):
    """gsplat's function, for one view, by the reference."""
    assert (near_plane, eps2d) == (reference.NEAR, reference.DILATION)
    assert rasterize_mode == "antialiased" and not packed and absgrad
    project, uncut_alpha, meta = reference.project, reference.uncut_alpha, {}

    def watched_project(*arguments):
        splats = project(*arguments)
        centers = torch.zeros(1, len(means), 2, dtype=torch.float64).index_copy(1, splats.order, splats.center[None])
        centers.absgrad = torch.zeros_like(centers)
        meta["means2d"] = centers
        return splats._replace(center=centers[0, splats.order])

    def watched_alpha(splats, y, width):
        alpha = uncut_alpha(splats, y, width)
        x = torch.arange(width) + 0.5
        offset = torch.stack([x, torch.full_like(x, y + 0.5)], dim=1) - splats.center[:, None]  # [n, W, 2]
        slope = alpha[..., None] * torch.einsum("nij,nwj->nwi", torch.linalg.inv(splats.covariance), offset)

        def add(gradient):
            pull = (gradient[..., None] * slope.detach()).abs().sum(dim=1)
            meta["means2d"].absgrad[0].index_add_(0, splats.order, pull)

        alpha.register_hook(add)
        return alpha

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "project", watched_project)
        patch.setattr(reference, "uncut_alpha", watched_alpha)
        sh = colors[:, : (sh_degree + 1) ** 2]
        view = viewmats, Ks, width, height, backgrounds[0]
        return *reference.rasterize(means, quats, scales, opacities, sh, *view), meta


@pytest.fixture(autouse=True)
def gsplat(monkeypatch):
    monkeypatch.setitem(sys.modules, "gsplat", SimpleNamespace(rasterization=rasterization))


def create_reference_engine(settings):
    return TorchEngine(settings, draw_to_train, "cpu", kernels="reference")


def engines():
    return CpuEngine(SETTINGS), create_reference_engine(SETTINGS)


def relative_error(got, expected):
    return np.abs(got - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("with_alpha", [True, False])
def test_the_loss_and_its_gradient_are_the_compiled_ones(with_alpha):
    rng = np.random.default_rng(3)
    color = rng.uniform(0, 1, (33, 41, 3)).astype(np.float32)
    transmittance = rng.uniform(0, 1, (33, 41)).astype(np.float32)
    target = rng.integers(0, 256, color.shape, np.uint8)
    target[:20] = np.round(color[:20] * 255).astype(np.uint8)  # similar there
    cover = rng.integers(0, 256, transmittance.shape, np.uint8) if with_alpha else None
    d_color, d_transmittance = np.zeros_like(color), np.zeros_like(transmittance)
    rendering, crop = Rendering(color, transmittance), (0, 0, 41, 33)
    value = CpuRasterizer(threads=1).loss(rendering, target, cover, crop, 0.3, 0.7, d_color, d_transmittance)
    expected = 0.7 * value.l1 + 0.3 * value.dissimilarity + 0.7 * value.alpha_l1

    leaves = [torch.tensor(array, dtype=torch.float64).requires_grad_() for array in (color, 1.0 - transmittance)]
    truth = torch.tensor(target), None if cover is None else torch.tensor(cover)
    loss, mse = image_loss(*leaves, *truth, ssim_weight=0.3, alpha_weight=0.7)
    (loss + 0.0 * leaves[1].sum()).backward()
    assert loss.item() == pytest.approx(expected, rel=1e-5) and mse.item() == pytest.approx(value.mse, rel=1e-5)
    assert relative_error(leaves[0].grad.numpy(), d_color) < 1e-4
    np.testing.assert_allclose(-leaves[1].grad.numpy(), d_transmittance, atol=1e-9)


@pytest.mark.parametrize("densification", ["budget", "threshold"])
def test_one_step_has_the_compiled_one_s_error_gradients_and_score(densification):
    start, views = start_and_views()
    measure = create_densifier(dataclasses.replace(SETTINGS, densification=densification), 1.0, len(start)).measure
    states, scores, errors = [], [], []
    for engine in engines():
        engine.begin(start)
        errors.append(float(engine.step(views[0], 1, rates_of(start), measure)))
        states.append(engine.state())
        scores.append(engine.score())
    assert set(states[0]) == set(states[1])
    assert errors[1] == pytest.approx(errors[0], rel=1e-5)
    for name in PARAMETERS:  # after one step the momentum is a tenth of the gradient
        assert relative_error(states[1][f"first_{name}"], states[0][f"first_{name}"]) < 1e-3, name
        assert relative_error(states[1][f"second_{name}"], states[0][f"second_{name}"]) < 2e-3, name
    assert scores[0].max() > 0 and relative_error(scores[1], scores[0]) < 1e-3
    np.testing.assert_array_equal(scores[1] > 0, scores[0] > 0)


def test_harmonics_above_the_degree_do_not_move():
    start, views = start_and_views()
    engine = engines()[1]
    engine.begin(start)
    engine.step(views[0], 0, rates_of(start), lambda gradients, camera: gradients.screen)
    np.testing.assert_array_equal(engine.gaussians.sh[:, 1:], start.sh[:, 1:])
    assert (engine.gaussians.sh[:, 0] != start.sh[:, 0]).any()


def test_steps_resets_and_replacements_give_the_same_gaussians():
    start, views = start_and_views()
    origin = np.concatenate([np.arange(5, 60), [-1, -1, 7]])
    results = []
    for engine in engines():
        engine.begin(start)
        for number in range(9):
            engine.step(views[number % 3], 1, rates_of(start), lambda gradients, camera: gradients.screen_signed)
            if number == 3:
                engine.limit_opacities(0.4)
                assert engine.gaussians.logit_opacities.max() <= np.float32(0.4)
            if number == 6:
                engine.replace(engine.gaussians.select(origin), origin)
                assert (engine.score() == 0).all() and len(engine) == 58
        results.append(engine.gaussians)
    # Adam steps as far along a gradient of rounding errors as along any other, at most 9 times 3e-3.
    for name in PARAMETERS:
        difference = np.abs(getattr(results[1], name) - getattr(results[0], name))
        assert np.quantile(difference, 0.98) < 1e-5 and difference.max() < 0.03, name
        assert np.abs(getattr(results[0], name)[:55] - getattr(start, name)[5:]).max() > 1e-2, name


def test_a_restored_engine_goes_on_to_the_same_bits():
    start, views = start_and_views()
    results = []
    for stopped in (False, True):
        engine = engines()[1]
        engine.begin(start)
        for number in range(4):
            if stopped and number == 2:
                state = {name: array.copy() for name, array in engine.state().items()}
                engine = engines()[1]
                engine.restore(state)
            engine.step(views[number % 3], 1, rates_of(start), lambda gradients, camera: gradients.screen)
        results.append((engine.gaussians, engine.score()))
    for name in PARAMETERS:
        np.testing.assert_array_equal(getattr(results[0][0], name), getattr(results[1][0], name))
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_without_gaussians_there_is_no_step():
    start, views = start_and_views()
    engine = engines()[1]
    engine.begin(start.select(np.zeros(0, np.int64)))
    assert engine.step(views[0], 1, rates_of(start), lambda gradients, camera: gradients.screen) is None
    assert isinstance(engine.gaussians, Gaussians) and len(engine) == 0


class StopError(Exception):
    pass


def test_the_trainer_goes_the_same_way_and_resumes(monkeypatch, tmp_path):
    monkeypatch.setattr(trainer, "_REPORT_EVERY", 10)
    monkeypatch.setitem(engine_module.IMPLEMENTATIONS, "cuda", f"{__name__}:create_reference_engine")
    _, views = start_and_views(poses=poses_around(8, seed=35))
    settings = TrainerSettings(
        iterations=20, max_gaussians=50, initial_gaussians=30, densify_every=6, coarse_fraction=0.0, threads=1
    )
    photos = [view.image for view in views], [view.alpha / 255.0 for view in views]
    poses, nothing = [view.object_from_camera for view in views], np.zeros((0, 3))

    def train(name, reports, **keywords):
        return trainer.train_splats(
            *photos,
            CAMERA,
            poses,
            points=nothing,
            colors=nothing,
            settings=dataclasses.replace(settings, rasterizer=name),
            progress=lambda *report: reports.append(report),
            **keywords,
        )

    reports = {"cpu": [], "cuda": [], "again": []}
    cpu, cuda = (train(name, reports[name]) for name in ("cpu", "cuda"))
    assert len(cuda) == len(cpu) > 30
    errors = [float(reports[name][-1][2].split()[1]) for name in ("cpu", "cuda")]  # PSNR … dB
    assert errors[1] == pytest.approx(errors[0], abs=0.11)
    rasterizer = CpuRasterizer(threads=1)
    pictures = [rasterizer.render(gaussians, CAMERA, POSE).color for gaussians in (cpu, cuda)]
    assert psnr(*pictures) > 50.0

    class Stop(list):
        def append(self, report):
            if report[0] == 10:
                raise StopError

    # The reference's sums, unlike CUDA's, are always in the same order.
    path = tmp_path / "checkpoint.npz"
    with pytest.raises(StopError):
        train("cuda", Stop(), checkpoint=Checkpoint(path, every_s=0))
    again = train("cuda", reports["again"], checkpoint=Checkpoint(path))
    assert [done for done, *_ in reports["again"]] == [10, 20]
    for name in PARAMETERS:
        np.testing.assert_array_equal(getattr(again, name), getattr(cuda, name))


def test_gsplat_takes_these_arguments(monkeypatch):
    monkeypatch.delitem(sys.modules, "gsplat")
    taken = inspect.signature(pytest.importorskip("gsplat").rasterization).parameters
    assert list(taken)[:9] == list(inspect.signature(rasterization).parameters)[:9]
    assert set(inspect.signature(rasterization).parameters) <= set(taken)
