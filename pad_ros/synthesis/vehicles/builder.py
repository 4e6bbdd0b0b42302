"""Building with bricks: parts placed on the stud grid, gathered to an assembly."""

from __future__ import annotations

import numpy as np

from pad_ros.geometry import Matrix
from pad_ros.synthesis.assembly import Assembly, Mesh, Part, rotation, translation
from pad_ros.synthesis.bricks import PLATE, STUD, bar
from pad_ros.synthesis.materials import PALETTE
from pad_ros.synthesis.wheels import hub, tyre

# Tilts of parts, which stand up when they are made.
FORWARD = rotation("y", 90)  # what stood up now looks ahead
BACKWARD = rotation("y", -90)
LEFT = rotation("x", -90)
RIGHT = rotation("x", 90)
SIDES = ((1, "left", LEFT), (-1, "right", RIGHT))  # the sign of y, its name, and the tilt that looks there


class Builder:
    """Collects parts; x and y in studs (forward, left), z in plates above the ground."""

    def __init__(self) -> None:
        self._parts: list[Part] = []

    def add(
        self,
        mesh: Mesh,
        x: float,
        y: float,
        z: float,
        colour: str,
        name: str,
        yaw: float = 0.0,
        tilt: Matrix | None = None,
    ) -> None:
        """Adds a part whose own origin goes to (x, y, z), turned by `tilt` [4, 4] and then by `yaw` degrees."""
        turn = rotation("z", yaw) @ (np.eye(4) if tilt is None else tilt)
        place = translation(x * STUD, y * STUD, z * PLATE) @ turn
        self._parts.append(Part(f"{len(self._parts):03d}_{name}", mesh, place, PALETTE[colour]))

    def rod(
        self,
        start: tuple[float, float, float],
        end: tuple[float, float, float],
        colour: str,
        name: str,
        radius: float = 0.0016,
    ) -> None:
        """Adds a round bar between two points (studs, studs, plates)."""
        scale = np.array([STUD, STUD, PLATE])
        a, b = np.array(start) * scale, np.array(end) * scale
        axis = (b - a) / np.linalg.norm(b - a)
        side = np.cross([0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0], axis)
        side /= np.linalg.norm(side)
        place = np.eye(4)
        place[:3, :3] = np.stack([side, np.cross(axis, side), axis], axis=1)
        place[:3, 3] = a
        mesh = bar(round(float(np.linalg.norm(b - a)) / STUD, 4), radius)
        self._parts.append(Part(f"{len(self._parts):03d}_{name}", mesh, place, PALETTE[colour]))

    def wheel(
        self, x: float, y: float, z: float, radius: float, width: float, colour: str, tilt: Matrix | None = None
    ) -> None:
        """Adds a tyre and its hub (metres); the face looks away from the middle plane."""
        yaw = 0.0 if y >= 0 else 180.0
        self.add(tyre(radius, width), x, y, z, "rubber", "tyre", yaw, tilt)
        self.add(hub(0.64 * radius, 0.8 * width), x, y, z, colour, "hub", yaw, tilt)

    def build(self, name: str) -> Assembly:
        """The assembly of all parts added so far."""
        return Assembly(name, tuple(self._parts))
