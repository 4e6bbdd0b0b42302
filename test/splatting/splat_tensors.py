"""The random scenes as PyTorch tensors, and a backend's picture and gradients of them."""

from dataclasses import dataclass

import numpy as np
import torch
from splat_scenes import POSE, random_gaussians
from torch import Tensor

from pad_ros.geometry import invert_rigid, look_at
from pad_ros.splatting import reference as oracle
from pad_ros.splatting.rasterization import rasterization

torch.set_num_threads(1)  # tensors this small gain nothing from more, and threads that wait cost the others

SIZE = {"width": 56, "height": 40}
BACKGROUND = (0.2, 0.9, 0.5)
PARAMETERS = ("means", "quats", "scales", "opacities", "sh", "viewmats")
_POSES = (POSE, look_at(np.array([-1.7, -1.3, -0.6]), np.array([0.05, 0.1, 0.0]), np.array([0.0, 0.0, 1.0])))
_K = ((60.0, 0.0, 31.0), (0.0, 55.0, 15.0), (0.0, 0.0, 1.0))  # some Gaussians lie outside the image


def tensors_of(gaussians, poses=_POSES) -> dict[str, Tensor]:
    """The arguments of `rasterization` in float32, with gradients."""
    arrays = {
        "means": gaussians.means,
        "quats": gaussians.quats,
        "scales": np.exp(gaussians.log_scales),
        "opacities": 1.0 / (1.0 + np.exp(-gaussians.logit_opacities)),
        "sh": gaussians.sh,
        "viewmats": np.stack([invert_rigid(pose) for pose in poses]),
    }
    tensors = {name: torch.tensor(array, dtype=torch.float32).requires_grad_() for name, array in arrays.items()}
    return {**tensors, "Ks": torch.tensor([_K] * len(poses))}


def random_tensors(count: int, sh_degree: int, seed: int) -> dict[str, Tensor]:
    return tensors_of(random_gaussians(count, sh_degree, seed))


@dataclass
class Result:
    colors: Tensor  # [C, H, W, 3]
    alphas: Tensor  # [C, H, W, 1]
    gradients: dict[str, Tensor]


def clear_pixels(tensors, margin=1e-5) -> Tensor:
    """Pixels [C, H, W] where no alpha lies within this part of a cut, so that float32 takes float64's side of it."""
    gaussians = tuple(tensors[name].detach().double() for name in PARAMETERS[:-1])
    views = []
    for viewmat, k in zip(tensors["viewmats"].detach().double(), tensors["Ks"].double(), strict=True):
        splats = oracle.project(gaussians, viewmat, k, **SIZE)
        rows = [oracle.uncut_alpha(splats, y, SIZE["width"]) for y in range(SIZE["height"])]
        alpha = torch.stack(rows, dim=1)  # [n, H, W]
        cuts = torch.tensor([oracle.MIN_ALPHA, oracle.MAX_ALPHA]).view(2, 1, 1, 1)
        views.append(((alpha / cuts - 1.0).abs() > margin).all(dim=1).all(dim=0))
    return torch.stack(views)


def run(
    function, tensors, *, device="cpu", dtype=torch.float32, background=BACKGROUND, where=None, **arguments
) -> Result:
    """The pictures, and the gradients of one fixed random weighting of all their values; on the CPU, in float64.

    `where` [C, H, W] leaves the other pixels out of the weighting.
    """
    inputs = {name: value.detach().to(device, dtype) for name, value in tensors.items()}
    for name in PARAMETERS:
        inputs[name].requires_grad_()
    colors, alphas = function(**inputs, **SIZE, background=background, **arguments)
    generator = torch.Generator().manual_seed(3)
    weights = [torch.randn(images.shape, generator=generator).to(images) for images in (colors, alphas)]
    if where is not None:
        weights = [weight * where[..., None].to(weight) for weight in weights]
    ((colors * weights[0]).sum() + (alphas * weights[1]).sum()).backward()
    gradients = {name: inputs[name].grad.cpu().double() for name in PARAMETERS}
    return Result(colors.detach().cpu().double(), alphas.detach().cpu().double(), gradients)


def reference(tensors, where=None) -> Result:
    return run(rasterization, tensors, dtype=torch.float64, backend="reference", where=where)


def relative_error(got: Tensor, expected: Tensor) -> float:
    """The largest error relative to the largest value."""
    return float((got - expected).abs().max() / expected.abs().max())
