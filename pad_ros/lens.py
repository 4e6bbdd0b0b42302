"""Real cameras: distortion is undone once, on an image's way in, and redone for what is reported of it.

Everything between is in the ideal pinhole camera. Model names are ROS's, formulas OpenCV's (COLMAP has the same).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import ConfigError
from pad_ros.geometry import Camera, Matrix, ros_intrinsics
from pad_ros.results import Image, Map, Mask, Region

# Coefficients of each model: k1 k2 p1 p2 k3, then k4 k5 k6 of the denominator; a fisheye has k1 k2 k3 k4.
MODELS = {"none": 0, "plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}

_PRECISE = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 200, 1e-6)
# Of the ideal picture, the share that the lens must show; less, and the coefficients are not this lens's.
_LEAST_SEEN = 0.5
_NOWHERE = -9.0  # pixels


@dataclass(frozen=True)
class Lens:
    """A real camera: the ideal one that its intrinsics describe, and how its lens distorts that one's picture."""

    camera: Camera
    model: str = "none"
    coefficients: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what is no lens.

        Raises:
            ConfigError: unknown model, or coefficients that are not as many finite numbers as the model has.
        """
        if self.model not in MODELS:
            raise ConfigError(f"no lens model {self.model!r}; there are {', '.join(MODELS)}")
        object.__setattr__(self, "coefficients", tuple(float(value) for value in self.coefficients))
        if len(self.coefficients) != MODELS[self.model] or not np.isfinite(self.coefficients).all():
            raise ConfigError(
                f"lens model {self.model} has {MODELS[self.model]} finite coefficients, got {list(self.coefficients)}"
            )

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Lens:
        """Reads what `to_dict` gives; other keys are left alone.

        Raises:
            KeyError, TypeError, ConfigError: it is not that.
        """
        return cls(Camera(**content["camera"]), **content.get("lens", {}))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML: `camera` and, where there is distortion, `lens`."""
        lens = {"lens": {"model": self.model, "coefficients": list(self.coefficients)}} if self.distorted else {}
        return {"camera": self.camera.to_dict(), **lens}

    @property
    def distorted(self) -> bool:
        """Whether its pictures differ from the ideal camera's; a fisheye's do whatever its coefficients are."""
        return self.model == "equidistant" or any(self.coefficients)

    def distort(self, points: Matrix) -> Matrix:
        """Where the lens shows what the ideal camera shows at `points` [N, 2], in pixels."""
        if not self.distorted:
            return points
        rays = (points - self.camera.K[:2, 2]) / np.diag(self.camera.K)[:2]  # [N, 2]
        if self.model == "equidistant":
            bent = cv2.fisheye.distortPoints(rays[:, None], self.camera.K, self._numbers)
        else:
            bent = cv2.projectPoints(np.c_[rays, np.ones(len(rays))], _ZERO, _ZERO, self.camera.K, self._numbers)[0]
        return np.asarray(bent, np.float64).reshape(-1, 2)

    def undistort(self, points: Matrix) -> Matrix:
        """Where the ideal camera shows what the lens shows at `points` [N, 2]; anywhere, where it shows nothing."""
        if not self.distorted:
            return points
        matrix, pixels = self.camera.K, np.asarray(points, np.float64)[:, None]
        if self.model == "equidistant":
            ideal = cv2.fisheye.undistortPoints(pixels, matrix, self._numbers, None, None, matrix, _PRECISE)
        else:
            ideal = cv2.undistortImagePoints(pixels, matrix, self._numbers, None, _PRECISE)
        return np.asarray(ideal, np.float64).reshape(-1, 2)

    @property
    def _numbers(self) -> Matrix:
        return np.array(self.coefficients or [0.0] * 4)


_ZERO = np.zeros(3)


def ros_distortion(lens: Lens) -> tuple[str, list[float]]:
    """The distortion model and coefficients as CameraInfo has them."""
    return (lens.model, list(lens.coefficients)) if lens.distorted else ("plumb_bob", [0.0] * 5)


def largest_shift(one: Lens, other: Lens) -> float:
    """How far apart two lenses of the same ideal camera show the same thing, at most, in pixels."""
    points = _lattice(0, 0, one.camera.width, one.camera.height).reshape(-1, 2)
    return float(np.abs(one.distort(points) - other.distort(points)).max())


class Undistorter:
    """Brings pictures of a lens into an ideal camera, and what is found there back into the pixels that came in.

    Where nothing is to be done, every method gives back what it got.
    """

    def __init__(self, lens: Lens, camera: Camera | None = None) -> None:
        """Works out both ways for each pixel.

        Args:
            lens: that takes the pictures.
            camera: the ideal one; by default the lens's own, so that its intrinsics stay true.

        Raises:
            ConfigError: the lens shows less than half of what that camera would.
        """
        self.lens, self.camera = lens, camera or lens.camera
        self.idle = not lens.distorted and self.camera == lens.camera
        # Which pixels of the ideal camera the lens sees, and which of the lens's the ideal camera shows.
        self.seen: Mask = np.ones((self.camera.height, self.camera.width), dtype=bool)
        self.shown: Mask = np.ones((lens.camera.height, lens.camera.width), dtype=bool)
        if self.idle:
            return
        into_lens, into_ideal = _into_lens(lens, self.camera), _into_ideal(lens, self.camera)
        self.seen, self.shown = _agree(into_lens, into_ideal), _agree(into_ideal, into_lens)
        if self.seen.mean() < _LEAST_SEEN:
            raise ConfigError(
                f"lens {lens.model} {list(lens.coefficients)}: shows {self.seen.mean():.0%} of what its ideal camera "
                "would; are these its coefficients, and its focal length?"
            )
        # A strong lens folds: beyond its field of view, its formula leads back into the picture.
        inside = ((into_lens > -1) & (into_lens < (lens.camera.width, lens.camera.height))).all(axis=2)
        into_lens[inside & ~self.seen] = _NOWHERE
        self._into_lens, self._into_ideal = into_lens, into_ideal

    def undistort(self, image: Image) -> Image:
        """The ideal camera's picture [H, W, 3] of a lens's; what the lens does not see is as at its edge."""
        return image if self.idle else _sample(image, self._into_lens)

    def undistort_cutout(self, image: Image, alpha: Map) -> tuple[Image, Map]:
        """The same of a cut-out: RGB over white [H, W, 3] and alpha [H, W]; nothing is where the lens sees nothing."""
        if self.idle:
            return image, alpha
        image = _sample(image, self._into_lens)
        alpha = np.clip(_sample(alpha, self._into_lens), 0.0, 1.0)
        image[~self.seen], alpha[~self.seen] = 255, 0.0
        return image, alpha

    def cuts(self, alpha: Map) -> bool:
        """Whether the part of an undistorted cut-out [H, W] goes on where the lens sees nothing."""
        inside = cv2.erode(self.seen.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # the picture's own edge is none
        return bool((alpha[self.seen & ~inside] > 0.5).any())

    def distort(self, values: NDArray[Any], outside: float = 0) -> NDArray[Any]:
        """A map, mask or picture of the ideal camera, in the lens's pixels; `outside` where the ideal one sees less."""
        if self.idle:
            return values
        if values.dtype == np.bool_:
            brought = _sample(values.astype(np.uint8), self._into_ideal, cv2.INTER_NEAREST) > 0
        else:
            # A map stays within its range, and does not ring.
            brought = _sample(values, self._into_ideal, cv2.INTER_LINEAR if values.ndim == 2 else cv2.INTER_LANCZOS4)
        brought[~self.shown] = outside
        return brought

    def distort_region(self, region: Region) -> Region:
        """A region with the box and area that it has in the lens's pixels."""
        if self.idle:
            return region
        x, y, width, height = region.box
        lattice = _moved(_lattice(x, y, x + width, y + height), self.camera, self.lens.camera)
        lattice = self.lens.distort(lattice.reshape(-1, 2)).reshape(lattice.shape)
        size = self.lens.camera.width, self.lens.camera.height
        x0, y0 = (int(value) for value in np.clip(np.rint(lattice.min(axis=(0, 1))), 0, np.subtract(size, 1)))
        x1, y1 = (int(value) for value in np.clip(np.rint(lattice.max(axis=(0, 1))), (x0 + 1, y0 + 1), size))
        corners = lattice[[0, 0, -1, -1], [0, -1, -1, 0]].astype(np.float32)
        area = region.area * cv2.contourArea(corners) / (width * height)
        return replace(region, box=(x0, y0, x1 - x0, y1 - y0), area=max(1, round(area)))


def _lattice(x0: float, y0: float, x1: float, y1: float) -> Matrix:
    """Points [17, 17, 2] over a box, its edges among them."""
    return np.stack(np.meshgrid(np.linspace(x0, x1, 17), np.linspace(y0, y1, 17)), axis=-1)


def _moved(points: Matrix, one: Camera, other: Camera) -> Matrix:
    """Where `other` shows the rays that `one` shows at `points` [N, 2]; both without distortion."""
    if one == other:
        return points
    rays = (points - one.K[:2, 2]) / np.diag(one.K)[:2]
    return rays * np.diag(other.K)[:2] + other.K[:2, 2]


def _into_lens(lens: Lens, ideal: Camera) -> NDArray[np.float32]:
    """For each pixel of the ideal camera, where the lens shows it, [H, W, 2]; OpenCV's centres, at whole numbers."""
    matrix, new, size = ros_intrinsics(lens.camera), ros_intrinsics(ideal), (ideal.width, ideal.height)
    of_model = cv2.fisheye if lens.model == "equidistant" else cv2
    return np.dstack(of_model.initUndistortRectifyMap(matrix, lens._numbers, np.eye(3), new, size, cv2.CV_32FC1))


def _into_ideal(lens: Lens, ideal: Camera) -> NDArray[np.float32]:
    """For each pixel of the lens, where the ideal camera shows it, [H, W, 2]; centres at whole numbers."""
    height, width = lens.camera.height, lens.camera.width
    points = lens.undistort(_grid(height, width).reshape(-1, 2) + 0.5)
    points = _moved(points, lens.camera, ideal) - 0.5
    far = 1e4  # remap counts in 16 bits
    return np.clip(np.nan_to_num(points, nan=-far), -far, far).reshape(height, width, 2).astype(np.float32)


def _grid(height: int, width: int) -> Matrix:
    return np.stack(np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height)), axis=-1)  # [H, W, 2] x, y


def _agree(there: NDArray[np.float32], back: NDArray[np.float32]) -> Mask:
    """Which pixels come back from where they are sent: those outside the other picture or beyond a fold do not."""
    returned = _sample(back, there, cv2.INTER_LINEAR)
    return np.asarray((np.abs(returned - _grid(*there.shape[:2])) < 1.0).all(axis=2))


def _sample(values: NDArray[Any], places: NDArray[np.float32], interpolation: int = cv2.INTER_LANCZOS4) -> NDArray[Any]:
    """The values at places [H, W, 2]. Lanczos keeps the sharpness that features and comparison see; linear blurs."""
    return cv2.remap(values, places, None, interpolation, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload,no-any-return]
