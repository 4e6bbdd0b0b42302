"""A random scene with its picture and gradients by the float64 reference, for tests that run without PyTorch.

python test/splatting/golden.py     writes golden.npz anew (needs PyTorch); a change means another picture
"""

from pathlib import Path

import numpy as np
from splat_scenes import POSE, random_gaussians

from pad_ros.geometry import Camera, invert_rigid

FILE = Path(__file__).parent / "golden.npz"
CAMERA = Camera(60, 44, 92.0, 88.0, 34.5, 17.0)
BACKGROUND = (1.0, 0.8, 0.3)
GRADIENTS = ("means", "quats", "log_scales", "logit_opacities", "sh", "viewmat")


def golden_gaussians():
    gaussians = random_gaussians(60, 3, seed=12)
    gaussians.log_scales[::4, 0] -= 4.0  # flat disks: elongated on the screen
    gaussians.log_scales[::8, 1] -= 4.0  # and needles
    gaussians.means[0] += 2.0 * (POSE[:3, 3] - gaussians.means[0])  # behind the camera
    beside = np.array([[1.15, 0.1, 2.5], [-1.35, 0.0, 2.6], [0.1, 1.0, 2.7]])  # beyond the image's margin, and large
    gaussians.means[1:4] = beside @ POSE[:3, :3].T + POSE[:3, 3]
    gaussians.log_scales[1:4] = np.log(0.3)
    return gaussians


def weights():
    """dL/d(colour) [H, W, 3] and dL/d(transmittance) [H, W] of a loss."""
    wave = np.sin(np.arange(CAMERA.height * CAMERA.width * 4, dtype=np.float64)).astype(np.float32)
    wave = wave.reshape(CAMERA.height, CAMERA.width, 4)
    return wave[..., :3].copy(), wave[..., 3].copy()


def compute():
    """What the file holds: the scene, `color`, `transmittance` and `d_…` of every parameter."""
    import torch

    from pad_ros.splatting.rasterization import rasterization

    gaussians = golden_gaussians()
    scene = {name: getattr(gaussians, name) for name in GRADIENTS[:-1]}
    inputs = {**scene, "viewmat": invert_rigid(POSE)}
    leaves = {name: torch.tensor(array, dtype=torch.float64, requires_grad=True) for name, array in inputs.items()}
    colors, alphas = rasterization(
        leaves["means"],
        leaves["quats"],
        leaves["log_scales"].exp(),
        leaves["logit_opacities"].sigmoid(),
        leaves["sh"],
        leaves["viewmat"][None],
        torch.tensor(CAMERA.K)[None],
        CAMERA.width,
        CAMERA.height,
        BACKGROUND,
        backend="reference",
    )
    color, transmittance = colors[0], 1.0 - alphas[0, ..., 0]
    d_color, d_transmittance = map(torch.tensor, weights())
    ((color * d_color).sum() + (transmittance * d_transmittance).sum()).backward()
    gradients = {f"d_{name}": leaf.grad.numpy() for name, leaf in leaves.items()}
    results = {"color": color.detach().numpy(), "transmittance": transmittance.detach().numpy(), **gradients}
    return {**scene, **{name: array.astype(np.float32) for name, array in results.items()}}


if __name__ == "__main__":
    np.savez_compressed(FILE, **compute())
