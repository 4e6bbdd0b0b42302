"""The SfM map of a part: 3D points, and how they look from which view."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.archive import read_arrays, write_arrays
from pad_ros.errors import ProductError
from pad_ros.geometry import is_rigid

_DESCRIPTORS = (np.uint8, np.int8, np.float16, np.float32)


@dataclass(frozen=True)
class SfmMap:
    """Points in the object's frame and the descriptors of (some of) their observations, sorted by point.

    Attributes:
        points: float32 [P, 3] in the product's unit.
        colors: uint8 [P, 3] RGB.
        descriptors: [O, D], one per observation, of the extractor's type.
        point_index: int32 [O], which point each belongs to.
        view_index: int32 [O], which view saw it.
        view_poses: float64 [V, 4, 4], `object_from_camera` of the views.
        view_descriptors: float16 [V, G], of whole views, for a retrieval that needs them.
    """

    points: NDArray[np.float32]
    colors: NDArray[np.uint8]
    descriptors: NDArray[Any]
    point_index: NDArray[np.int32]
    view_index: NDArray[np.int32]
    view_poses: NDArray[np.float64]
    view_descriptors: NDArray[np.float16] | None = None

    def mean_descriptors(self) -> NDArray[np.float32]:
        """The mean descriptor of each point, rounded where descriptors are whole numbers, [P, D]."""
        counts = np.bincount(self.point_index, minlength=len(self.points))[:, None]
        starts = np.searchsorted(self.point_index, np.arange(len(self.points)))
        sums = np.add.reduceat(self.descriptors.astype(np.float32), starts, axis=0)
        means = sums / counts
        return (np.rint(means) if np.issubdtype(self.descriptors.dtype, np.integer) else means).astype(np.float32)

    def save(self, path: Path | str) -> None:
        """Writes a compressed npz without pickle; never leaves half a file."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        write_arrays(Path(path), {name: array for name, array in arrays.items() if array is not None}, compress=True)

    @classmethod
    def load(cls, path: Path | str) -> SfmMap:
        """Reads and checks a map.

        Raises:
            ProductError: missing, truncated, or its arrays do not fit together.
        """
        arrays = read_arrays(Path(path))
        missing = [field.name for field in fields(cls) if field.name not in arrays and field.default is not None]
        if missing:
            raise ProductError(f"{path}: not an SfM map (no {', '.join(missing)}); train the product again")
        result = cls(**{field.name: arrays[field.name] for field in fields(cls) if field.name in arrays})
        fault = result._fault()
        if fault:
            raise ProductError(f"{path}: {fault}; copy or train the product again")
        return result

    def _fault(self) -> str | None:
        layout: dict[str, tuple[tuple[type, ...], tuple[str | int, ...]]] = {
            "points": ((np.float32,), ("P", 3)),
            "colors": ((np.uint8,), ("P", 3)),
            "point_index": ((np.int32,), ("O",)),
            "view_index": ((np.int32,), ("O",)),
            "descriptors": (_DESCRIPTORS, ("O", "D")),
            "view_poses": ((np.float64,), ("V", 4, 4)),
        }
        if self.view_descriptors is not None:
            layout["view_descriptors"] = ((np.float16,), ("V", "G"))
        sizes: dict[str | int, int] = {}
        for name, (types, names) in layout.items():
            array = getattr(self, name)
            fits = array.dtype in types and array.ndim == len(names)
            expected = [
                sizes.setdefault(n, size) if isinstance(n, str) else n
                for n, size in zip(names, array.shape, strict=False)
            ]
            if not fits or list(array.shape) != expected:
                return f"{name} is {array.dtype} {array.shape}, expected {np.dtype(types[0])} {names} with {sizes}"
        p, v = sizes["P"], sizes["V"]
        if not p or not v:
            return "the map is empty"
        for name in ("points", "descriptors", "view_descriptors"):
            array = getattr(self, name)
            if array is not None and not np.isfinite(array).all():
                return f"{name} hold NaN or infinite values"
        if not all(is_rigid(pose) for pose in self.view_poses):
            return "view_poses are not rigid transforms"
        if self.view_index.min(initial=0) < 0 or self.view_index.max(initial=-1) >= v:
            return "view_index points at views that are not there"
        if not np.array_equal(np.unique(self.point_index), np.arange(p)) or (np.diff(self.point_index) < 0).any():
            return "point_index does not give every point its observations in order"
        return None
