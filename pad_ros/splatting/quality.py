"""How well splats stand for the part, measured on views that they were not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import EvaluationError
from pad_ros.results import Mask
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.rasterize import Rasterizer
from pad_ros.splatting.views import View

# As in Wang et al., 2004: a Gaussian window of 11 pixels, and the constants for values in 0…1.
_WINDOW, _SIGMA = (11, 11), 1.5
_C1, _C2 = 0.01**2, 0.03**2


@dataclass(frozen=True)
class Quality:
    """Means over the views; PSNRs in dB, of the mean squared error over all views."""

    psnr_inside: float  # where the alpha is at least a half
    psnr: float  # over the whole image, most of which is white
    ssim_inside: float
    mask_iou: float  # of transmittance < 0.5 with alpha > 0.5
    holes_open: float  # share of the pixels in the object's openings that are open in the rendering; NaN without any


def measure_quality(gaussians: Gaussians, views: Sequence[View], rasterizer: Rasterizer) -> Quality:
    """Compares pictures of the Gaussians with the views' photos and alphas.

    Raises:
        EvaluationError: no views, or one without alpha or object.
    """
    if not views:
        raise EvaluationError("quality: no views to compare with")
    rows = [_measure(gaussians, view, rasterizer, index) for index, view in enumerate(views)]
    inside, full, ssim, iou, holes, still_open = np.mean(rows, axis=0)
    return Quality(_psnr(inside), _psnr(full), float(ssim), float(iou), still_open / holes if holes else float("nan"))


def _measure(gaussians: Gaussians, view: View, rasterizer: Rasterizer, index: int) -> tuple[float, ...]:
    """Squared errors inside and over all, SSIM inside, IoU, pixels in openings, and those of them that are open."""
    mask = None if view.alpha is None else view.alpha >= 128
    if mask is None or not mask.any():
        raise EvaluationError(f"quality: view {index} has no alpha, or no object in it")
    rendering = rasterizer.render(gaussians, view.camera, view.object_from_camera)
    truth, picture = view.image.astype(np.float64) / 255.0, np.clip(rendering.color, 0.0, 1.0).astype(np.float64)
    error = ((picture - truth) ** 2).mean(axis=2)  # [H, W]
    rendered = rendering.transmittance < 0.5
    iou = (mask & rendered).sum() / (mask | rendered).sum()
    holes = openings(mask)
    similarity = ssim_map(picture, truth)[mask].mean()
    return error[mask].mean(), error.mean(), similarity, iou, holes.sum(), (holes & ~rendered).sum()


def openings(mask: Mask) -> Mask:
    """Where the background is seen through an object: what is not in its mask [H, W] and does not reach the border."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    labels = cv2.connectedComponents(outside, connectivity=4)[1]
    return ~mask & (labels != labels[0, 0])[1:-1, 1:-1]


def ssim_map(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Structural similarity [H, W] of two images [H, W, 3] in 0…1, mean over the channels."""

    def blur(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return cv2.GaussianBlur(values, _WINDOW, _SIGMA)  # type: ignore[return-value]

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, both = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + _C1) * (2 * both + _C2)
    similarity = top / ((mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2))
    return similarity.mean(axis=2)  # type: ignore[no-any-return]


def _psnr(mse: float) -> float:
    return float(-10.0 * np.log10(max(mse, 1e-12)))
