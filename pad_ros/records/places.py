"""Where on the twin regions lie: from their boxes and poses to places that several parts share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Matrix, invert_rigid, look_at
from pad_ros.product import Product
from pad_ros.records.models import RegionRow, View

_OPAQUE = 0.0  # logit of the opacity: splats fainter than half are no surface
_NEAR = 0.05  # of the part's size: as deep as the surface is taken to be
_SAME = 0.09  # of the part's size: regions closer than that are at one place
_REACH = 2.0  # times a box's size: so far from it lies the surface that an added part sits on
_ELEVATION = np.radians(35.0)


@dataclass
class Place:
    """A place on the part: its point [3] in the object frame, whence it was seen [3], and what was found there.

    `kinds` counts parts, not images: several views show the same spot.
    """

    point: Matrix
    towards: Matrix
    kinds: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0  # the highest peak, in thresholds
    parts: set[tuple[str, str]] = field(default_factory=set)


class Surface:
    """The surface of a product's twin."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.points: NDArray[np.float64] = product.gaussians.means[product.gaussians.logit_opacities > _OPAQUE].astype(
            np.float64
        )  # [N, 3]
        low, high = np.percentile(self.points, (2, 98), axis=0)
        self.size = float(np.linalg.norm(high - low))
        self.centre = np.asarray((low + high) / 2)  # [3]

    def point_of(self, region: RegionRow, object_from_camera: Matrix) -> Matrix | None:
        """The point [3] of the surface that a region shows; None when it is nowhere near the part."""
        camera = self.product.camera
        seen = self.points @ invert_rigid(object_from_camera)[:3, :3].T + invert_rigid(object_from_camera)[:3, 3]
        ahead = np.flatnonzero(seen[:, 2] > 1e-6)
        pixels = seen[ahead] @ camera.K.T
        pixels = pixels[:, :2] / pixels[:, 2:]  # [N, 2] of the ideal camera
        middle = np.array([[region.x + region.width / 2, region.y + region.height / 2]])
        away = np.abs(pixels - self.product.lens.undistort(middle)) / (max(region.width, 4), max(region.height, 4))
        away = away.max(axis=1)  # in boxes: within half of one it is inside
        for reach in (0.25, 0.5, _REACH):
            found = ahead[away <= reach]
            if len(found) >= 3:
                depth = seen[found, 2]
                front = found[depth <= depth.min() + _NEAR * self.size]
                return np.asarray(np.median(self.points[front], axis=0))
        return None

    def picture_poses(self, count: int = 4) -> list[Matrix]:
        """Camera-to-object poses [4, 4] that show the part from all around, so near that it fills the picture."""
        camera = self.product.camera
        distance = 1.1 * self.size * max(camera.fx / camera.width, camera.fy / camera.height)
        poses = []
        for turn in range(count):
            azimuth = 2.0 * np.pi * (turn + 0.5) / count
            flat = np.cos(_ELEVATION)
            direction = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(_ELEVATION)])
            poses.append(look_at(self.centre + distance * direction, self.centre, np.array([0.0, 0.0, 1.0])))
        return poses


def find_places(views: Iterable[View], surface: Surface) -> tuple[list[Place], int]:
    """The places of the regions of anomalous views, those that most parts share first.

    Returns:
        The places, and how many regions are at none.
    """
    places: list[Place] = []
    nowhere = 0
    for view in views:
        if not view.anomalous or view.pose is None:
            continue
        pose = np.array(view.pose)
        for region in view.regions:
            point = surface.point_of(region, pose)
            if point is None:
                nowhere += 1
                continue
            place = _place_at(places, point, _SAME * surface.size)
            if place is None:
                place = Place(point, np.zeros(3))
                places.append(place)
            _add(place, view, region, pose[:3, 3])
    return sorted(places, key=lambda place: (-len(place.parts), -place.worst)), nowhere


def visible(place: Place, object_from_camera: Matrix) -> bool:
    """Whether a picture from there shows the side of the part on which a place was seen."""
    towards = object_from_camera[:3, 3] - place.point
    lengths = np.linalg.norm(towards) * np.linalg.norm(place.towards)
    return bool(lengths > 0 and towards @ place.towards > 0.5 * lengths)


def pixel_of(place: Place, surface: Surface, object_from_camera: Matrix) -> tuple[float, float]:
    """Where a picture from there shows a place, as shares of its width and height."""
    camera = surface.product.camera
    seen = invert_rigid(object_from_camera) @ np.append(place.point, 1.0)
    x, y, depth = camera.K @ seen[:3]
    return float(x / depth / camera.width), float(y / depth / camera.height)


def _place_at(places: Sequence[Place], point: Matrix, radius: float) -> Place | None:
    if not places:
        return None
    away = np.linalg.norm(np.stack([place.point for place in places]) - point, axis=1)
    return places[int(away.argmin())] if away.min() < radius else None


def _add(place: Place, view: View, region: RegionRow, camera: Matrix) -> None:
    part = view.station, view.part_id
    if part not in place.parts:
        place.parts.add(part)
        place.kinds[region.kind] += 1
        share = 1.0 / len(place.parts)
        place.towards = (1.0 - share) * place.towards + share * (camera - place.point)
    if view.threshold:
        place.worst = max(place.worst, region.peak / view.threshold)
