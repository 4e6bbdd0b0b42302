"""Poses brought nearer to the truth: the twin's edges are laid on those of the image.

Keypoints leave a pose some tenths of a pixel off, in other light more. Edges stay where they are in any light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.common.registry import create
from pad_ros.errors import ConfigError
from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.images import box_around, channel_sum, scaled_by, shrink_factor
from pad_ros.results import Image, Mask, PoseEstimate

IMPLEMENTATIONS = {
    "as_found": "pad_ros.localization.refinement:AsFound",
    "edges": "pad_ros.localization.refinement:EdgeRefiner",
}

_NOISE = 4.0  # grey levels per pixel: gradients below are no edges
_OUTLIER = 0.3  # difference, of an edge's strength 1, that counts half
_LEAST_CHANGE = 0.1  # per pixel of displacement, or a place says nothing about the pose
_FEWEST_PIXELS = 100
_RIM = 2  # pixels inside the silhouette, beyond which the background plays a part
_MARGIN = 8  # pixels around the silhouette that are looked at
_SMALL_STEP = 0.02  # pixels


@dataclass(frozen=True)
class TwinView:
    """The twin from a pose: picture [H, W, 3], silhouette [H, W], where in the object each pixel lies [H, W, 3]."""

    image: Image
    mask: Mask
    positions: NDArray[np.float32]


Look = Callable[[Camera, Matrix], TwinView]  # from a camera-to-object pose [4, 4]


class Refiner(Protocol):
    """Improves the pose of an image; safe to call from several threads."""

    def refine(self, image: Image, camera: Camera, found: PoseEstimate, look: Look) -> PoseEstimate:
        """Improves what was found for an RGB image [H, W, 3] of `camera`; `look` shows the twin."""
        ...

    def choose(self, image: Image, camera: Camera, guesses: Iterable[PoseEstimate], look: Look) -> PoseEstimate | None:
        """Improves guesses, and gives the one that the twin shows to be right; None where it shows none."""
        ...


def create_refiner(settings: Mapping[str, Any]) -> Refiner:
    """Makes what a profile names.

    Raises:
        ConfigError: an unknown implementation, or a setting that it refuses.
    """
    refiner: Refiner = create("refinement", IMPLEMENTATIONS, settings)
    return refiner


class AsFound:
    """Leaves the pose as it was found."""

    def refine(self, image: Image, camera: Camera, found: PoseEstimate, look: Look) -> PoseEstimate:
        """See `Refiner`."""
        return found

    def choose(self, image: Image, camera: Camera, guesses: Iterable[PoseEstimate], look: Look) -> PoseEstimate | None:
        """See `Refiner`; takes none."""
        return None


class EdgeRefiner:
    """Gauss-Newton on the gradients of image and twin, each divided by its surroundings' strength.

    From coarse to fine, with the twin rendered once. Where defects or shadows differ from it, they hardly count. A pose
    under which the edges agree no better than before is not taken.
    """

    def __init__(
        self,
        size: int = 400,
        sigmas: Sequence[float] = (3.0, 1.0),
        rounds: int = 10,
        pixels: int = 3000,
        sure: float = 0.45,
    ) -> None:
        """Checks the settings.

        Args:
            size: larger images are shrunk to it.
            sigmas: of the Gaussians in whose derivatives edges are seen, in pixels, from coarse to fine.
            rounds: most steps with each.
            pixels: most that are compared.
            sure: how well the edges must agree, 0…1, for a guess to be taken; 1 takes none.

        Raises:
            ConfigError: a setting out of range.
        """
        if size < 1 or rounds < 1 or pixels < _FEWEST_PIXELS or not len(sigmas) or not min(sigmas) > 0 or sure <= 0:
            raise ConfigError(
                f"refinement: needs size and rounds of 1 or more, {_FEWEST_PIXELS} pixels or more, sigmas and sure "
                f"above 0, got {size}, {rounds}, {pixels}, {list(sigmas)}, {sure}"
            )
        self._size, self._sigmas, self._rounds, self._pixels = size, tuple(sigmas), rounds, pixels
        self._sure = sure

    def refine(self, image: Image, camera: Camera, found: PoseEstimate, look: Look) -> PoseEstimate:
        """See `Refiner`."""
        return self._refined(image, camera, found, look)[0]

    def choose(self, image: Image, camera: Camera, guesses: Iterable[PoseEstimate], look: Look) -> PoseEstimate | None:
        """See `Refiner`."""
        refined = [self._refined(image, camera, guess, look) for guess in guesses]
        pose, agreement = max(refined, key=lambda pair: pair[1], default=(None, 0.0))
        return pose if agreement >= self._sure else None

    def _refined(self, image: Image, camera: Camera, found: PoseEstimate, look: Look) -> tuple[PoseEstimate, float]:
        """The better pose, and how well the edges agree under it, 0…1."""
        image = scaled_by(image, shrink_factor(image.shape, self._size))
        camera = camera.resized(image.shape[1], image.shape[0])
        twin = look(camera, found.object_from_camera)
        if not twin.mask.any():
            return found, 0.0
        camera_from_object = invert_rigid(found.object_from_camera)
        motion = np.eye(4)
        for sigma in self._sigmas:
            overlay = _Overlay(image, twin, camera, camera_from_object, sigma, self._pixels)
            if overlay.count < _FEWEST_PIXELS:
                return found, 0.0
            for _ in range(self._rounds):
                step = overlay.step(motion)
                motion = motion @ invert_rigid(step)
                if overlay.length(step) < _SMALL_STEP:
                    break
        before, after = overlay.agreement(np.eye(4)), overlay.agreement(motion)
        if not after > before:
            return found, before
        return replace(found, object_from_camera=invert_rigid(motion @ camera_from_object)), after


class _Overlay:
    """The places on the twin whose edges say something about the pose, laid on the image at one scale.

    A `motion` [4, 4] moves them in the frame of the camera that the twin was rendered for.
    """

    def __init__(
        self, image: Image, twin: TwinView, camera: Camera, camera_from_object: Matrix, sigma: float, most: int
    ) -> None:
        window = box_around(twin.mask, _MARGIN)
        twin_edges, self._edges = _edges(twin.image[window], sigma), _edges(image[window], sigma)
        across, down = _derivative(twin_edges, 1, 0), _derivative(twin_edges, 0, 1)  # [h, w, 2]
        change = across[..., 0] ** 2 + down[..., 0] ** 2 + across[..., 1] ** 2 + down[..., 1] ** 2
        inside = cv2.erode(twin.mask[window].astype(np.uint8), np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8))
        telling = np.flatnonzero((change > _LEAST_CHANGE**2) & (inside > 0))
        if len(telling) > most:
            telling = telling[np.linspace(0, len(telling) - 1, most).astype(int)]
        self.count = len(telling)
        rows, columns = np.divmod(telling, inside.shape[1])
        self._template = twin_edges[rows, columns]  # [N, 2]
        positions = twin.positions[window][rows, columns].astype(np.float64)
        self._points = positions @ camera_from_object[:3, :3].T + camera_from_object[:3, 3]  # [N, 3]
        self._focal = np.array([camera.fx, camera.fy])
        self._distance = float(np.median(self._points[:, 2])) if self.count else 1.0
        # A splat's mean position need not lie on its pixel's ray: what counts is by how much it moves.
        self._offset = np.stack([columns, rows], axis=1) - self._projected(np.eye(4))
        slopes = np.stack([across[rows, columns], down[rows, columns]], axis=2)  # [N, 2, 2]
        moves = slopes.astype(np.float64) * self._focal
        self._jacobian = np.einsum("nkp,npj->nkj", moves, self._motions())  # [N, 2, 6]

    def _projected(self, motion: Matrix) -> NDArray[np.float64]:
        moved = self._points @ motion[:3, :3].T + motion[:3, 3]
        return np.asarray(self._focal * moved[:, :2] / moved[:, 2:])

    def _motions(self) -> NDArray[np.float64]:
        """How a point's x/z and y/z change with translation (in distances to the part) and rotation, [N, 2, 6]."""
        x, y = (self._points[:, :2] / self._points[:, 2:]).T
        near, zero = self._distance / self._points[:, 2], np.zeros(self.count)
        return np.stack(
            [
                np.stack([near, zero, -near * x, -x * y, 1 + x * x, -y], axis=1),
                np.stack([zero, near, -near * y, -1 - y * y, x * y, x], axis=1),
            ],
            axis=1,
        )

    def _differences(self, motion: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the image's edges differ by from the twin's [N, 2], and how much each place counts [N]."""
        pixels = (self._projected(motion) + self._offset).astype(np.float32)
        seen = cv2.remap(self._edges, pixels[None, :, 0], pixels[None, :, 1], cv2.INTER_LINEAR)[0]
        differences = (seen - self._template).astype(np.float64)
        return differences, 1.0 / (1.0 + (differences**2).sum(axis=1) / _OUTLIER**2)

    def agreement(self, motion: Matrix) -> float:
        """How well the edges agree, 0…1."""
        return float(self._differences(motion)[1].mean())

    def step(self, motion: Matrix) -> Matrix:
        """The small motion [4, 4] of the twin that would make its edges those which the image has now."""
        differences, weights = self._differences(motion)
        jacobian = self._jacobian.reshape(-1, 6)
        weighted = (self._jacobian * weights[:, None, None]).reshape(-1, 6)
        normal = weighted.T @ jacobian
        normal += 1e-6 * np.trace(normal) * np.eye(6)
        solution = np.linalg.solve(normal, weighted.T @ differences.ravel())
        step = np.eye(4)
        step[:3, :3], step[:3, 3] = cv2.Rodrigues(solution[3:])[0], self._distance * solution[:3]
        return step

    def length(self, step: Matrix) -> float:
        """How far a step moves the places in the picture, in pixels."""
        return float(np.linalg.norm(self._projected(step) - self._projected(np.eye(4)), axis=1).mean())


def _edges(image: Image, sigma: float) -> NDArray[np.float32]:
    """Gradients [H, W, 2] of the blurred picture, divided by the strength of those around."""
    grey = channel_sum(image.astype(np.float32)) / np.float32(3.0)
    blurred = np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma), np.float32)
    across, down = _derivative(blurred, 1, 0), _derivative(blurred, 0, 1)
    strength = np.sqrt(cv2.GaussianBlur(across**2 + down**2, (0, 0), 2.0 * sigma) + _NOISE**2)
    return np.asarray(cv2.merge([across / strength, down / strength]), np.float32)


def _derivative(array: NDArray[np.float32], x: int, y: int) -> NDArray[np.float32]:
    return np.asarray(cv2.Scharr(array, cv2.CV_32F, x, y, scale=1 / 32), np.float32)
