"""From where the part was photographed, and which directions are missing, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Seen from the front, where the first photo was taken; counter-clockwise from above.
SIDES = ("the front", "front right", "the right", "back right", "the back", "back left", "the left", "front left")
# Elevations in degrees, and how many photos each side of the band should have.
BANDS = (("low", 0.0, 30.0, 3), ("half above", 30.0, 60.0, 3))
TOP = 60.0  # degrees: from here on it is "above", of all sides together
_TOP_PHOTOS = 6
_SEEN = 1  # photos from which on a direction is not missing altogether


@dataclass(frozen=True)
class Direction:
    """A piece of the hemisphere: name, azimuths and elevations in degrees, how many photos it has and should have."""

    name: str
    azimuth: tuple[float, float]
    elevation: tuple[float, float]
    photos: int
    wanted: int


@dataclass(frozen=True)
class Coverage:
    """Azimuths (0 is the front) and elevations of all photos [V] in degrees, and the hemisphere's pieces."""

    azimuths: NDArray[np.float64]
    elevations: NDArray[np.float64]
    directions: tuple[Direction, ...]

    @property
    def share(self) -> float:
        """The share of the upper hemisphere's directions that have a photo."""
        return float(np.mean([direction.photos >= _SEEN for direction in self.directions]))

    def advice(self) -> list[str]:
        """What to photograph next, a sentence each; neighbours in one band are named together."""
        said = []
        for band in (*[name for name, *_ in BANDS], "above"):
            lacking = [d for d in self.directions if d.name.startswith(band) and d.photos < d.wanted]
            if not lacking:
                continue
            count = sum(d.wanted - d.photos for d in lacking)
            unseen = all(d.photos == 0 for d in lacking)
            places = ", ".join(d.name.removeprefix(band).removeprefix(" from ") for d in lacking)
            where = "from straight above" if band == "above" else f"from {band}"
            sides = "" if band == "above" else f", from {places}" if len(lacking) < len(SIDES) else ", from all sides"
            said.append(f"take {count} more {where}{sides}{' (nothing is seen from there)' if unseen else ''}")
        return said


def cover(poses: NDArray[np.float64], middle: NDArray[np.float64]) -> Coverage:
    """Counts the cameras [V, 4, 4] (object's frame, z up, front towards negative y) around the part's middle [3]."""
    towards = poses[:, :3, 3] - middle
    towards = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    azimuths = np.degrees(np.arctan2(towards[:, 0], -towards[:, 1])) % 360
    elevations = np.degrees(np.arcsin(np.clip(towards[:, 2], -1, 1)))
    width = 360 / len(SIDES)
    directions = []
    for band, low, high, wanted in BANDS:
        # What looks up to the part, a little from below its middle, is of the lowest band.
        within = (elevations >= (low if low else -90)) & (elevations < high)
        for index, side in enumerate(SIDES):
            start = (index - 0.5) * width
            photos = int((within & ((azimuths - start) % 360 < width)).sum())
            directions.append(Direction(f"{band} from {side}", (start, start + width), (low, high), photos, wanted))
    photos = int((elevations >= TOP).sum())
    directions.append(Direction("above", (0.0, 360.0), (TOP, 90.0), photos, _TOP_PHOTOS))
    return Coverage(azimuths, elevations, tuple(directions))
