"""A two-door sports coupé: a compact, closed shape with a stripe off the middle."""

from __future__ import annotations

import numpy as np

from pad_ros.synthesis.assembly import Assembly, rotation
from pad_ros.synthesis.bricks import (
    PLATE,
    STUD,
    arch,
    brick,
    curved_slope,
    grille,
    lamp,
    round_brick,
    slope,
    tile,
    wedge,
)
from pad_ros.synthesis.shapes import slab
from pad_ros.synthesis.vehicles.builder import BACKWARD, FORWARD, SIDES, Builder
from pad_ros.synthesis.wheels import hub, tyre

# Lengthwise strips of body, bonnet, roof and boot: the stripe lies left of the middle.
_STRIPS = ((-1.25, 3.5, "azure", "right"), (1.0, 1.0, "white", "stripe"), (2.25, 1.5, "azure", "left"))
_ROOF = ((-1.0, 3, "azure", "right"), (1.0, 1, "white", "stripe"), (2.0, 1, "azure", "left"))

Edge = tuple[tuple[float, float, float], tuple[float, float, float]]  # bottom and top: studs, studs, plates


def coupe() -> Assembly:
    """The intact car: 19 studs (149 mm) long, wheels on z = 0, front towards +x."""
    car = Builder()
    _body(car)
    _nose(car)
    _bonnet(car)
    _glass(car)
    _roof(car)
    _boot(car)
    _tail(car)
    _trim(car)
    return car.build("coupe")


def _body(car: Builder) -> None:
    car.add(brick(15, 4, 6), 0, 0, 2, "black", "core")
    car.add(brick(9, 6, 1), -1, 0, 8, "azure", "shoulder")
    for side, name, _ in SIDES:
        car.add(brick(5, 2, 5), 0, side * 3, 3, "azure", f"{name}_door")
        car.add(tile(5, 2, 1), 0, side * 3.1, 2, "white" if side > 0 else "orange", f"{name}_sill")
        for x, end in ((5, "front"), (-5, "rear")):
            car.add(arch(5, 2, 6, 0.8), x, side * 3, 2, "azure", f"{name}_{end}_arch")
            car.add(tyre(0.0117, 0.0154, 0), x, side * 3, 3.4, "rubber", f"{name}_{end}_tyre")
            car.add(hub(0.0073, 0.009, 5), x, side * 3.38, 3.4, "silver", f"{name}_{end}_hub", yaw=90 - 90 * side)


def _nose(car: Builder) -> None:
    car.add(wedge(1.6, 8, 5.6, 2.2, studs=False), 8.3, 0, 2, "azure", "front_bumper")
    car.add(wedge(1.8, 8, 5.2, 0.5, studs=False), 8.5, 0, 1.5, "black", "splitter")
    car.add(tile(0.8, 6, 2), 7.9, 0, 4.2, "black", "grille_back")
    car.add(grille(2, 1), 8.3, 0, 5.3, "silver", "grille", tilt=FORWARD @ rotation("z", 90))
    car.add(curved_slope(1.2, 6, 1.8, 0.3, 0.2), 8.1, 0, 6.2, "azure", "nose")
    car.add(round_brick(0.8, 0.4, stud=False), 8.55, 0, 7.0, "yellow", "badge", tilt=rotation("y", 60))
    for side, name, _ in SIDES:
        car.add(lamp(1.35), 8.4, side * 2.3, 5.6, "lamp_white", f"{name}_headlight", tilt=FORWARD)
        car.add(curved_slope(0.8, 1, 3.8, 1.0, 0.1), 7.9, side * 3.5, 4.2, "azure", f"{name}_nose_corner")
        car.add(lamp(0.7), 8.9, side * 2.0, 3.2, "lamp_amber", f"{name}_indicator", tilt=FORWARD)
    car.add(tile(0.3, 2.2, 1), 9.2, 0, 2.7, "white", "front_number_plate")


def _bonnet(car: Builder) -> None:
    for y, width, colour, name in _STRIPS:
        car.add(curved_slope(5, width, 1.5, 0.3, 1.0), 6, y, 8, colour, f"bonnet_{name}")
    for side, name, _ in SIDES:
        car.add(curved_slope(3, 1, 1.3, 0.3, 1.0), 6, side * 3.5, 8, "azure", f"{name}_front_wing")


def _glass(car: Builder) -> None:
    front, pillar, quarter, rear = (2.7, 0.4), (-1.3, -1.3), (-3.5, -2.2), (-5.75, -2.7)  # x at the bottom, top
    _panel(car, _edge(front, -1), _edge(front, 1), "glass", "windscreen")
    _panel(car, _edge(rear, 1), _edge(rear, -1), "glass", "rear_window")
    for side, name, _ in SIDES:
        for ends, colour, part in (
            ((pillar, front), "glass", "door_window"),
            ((quarter, pillar), "glass", "quarter_window"),
            ((rear, quarter), "azure", "rear_quarter"),
        ):
            back, ahead = (_edge(x, side) for x in ends)
            first, second = (ahead, back) if side > 0 else (back, ahead)
            _panel(car, first, second, colour, f"{name}_{part}")
        for x, colour, part in (
            (front, "azure", "a_pillar"),
            (pillar, "black", "b_pillar"),
            (rear, "azure", "c_pillar"),
        ):
            car.rod(*_edge(x, side, 0.1), colour, f"{name}_{part}")


def _edge(x: tuple[float, float], side: int, outwards: float = 0.0) -> Edge:
    """The bottom and top of a slanted edge of the cabin, from x there; cabins narrow towards the roof."""
    return (x[0], side * (2.9 + outwards), 9.0), (x[1], side * (2.3 + outwards), 12.6)


def _panel(car: Builder, first: Edge, second: Edge, colour: str, name: str) -> None:
    """Adds a flat pane between two edges, the second to the right of the first seen from outside."""
    scale = np.array([STUD, STUD, PLATE])
    points = np.array([first[0], second[0], second[1], first[1]]) * scale  # [4, 3]
    middle = points.mean(axis=0)
    along = points[1] - points[0]
    normal = np.cross(along, points[3] - points[0])
    turn = np.eye(4)
    turn[:3, 0], turn[:3, 2] = along / np.linalg.norm(along), normal / np.linalg.norm(normal)
    turn[:3, 1] = np.cross(turn[:3, 2], turn[:3, 0])
    x, y, z = middle / scale
    car.add(slab((points - middle) @ turn[:3, :2], 0.0012), x, y, z, colour, name, tilt=turn)


def _roof(car: Builder) -> None:
    for y, width, colour, name in _ROOF:
        car.add(brick(2, width, 1), -1, y, 12.5, colour, f"roof_{name}")
        car.add(curved_slope(0.9, width, 1, 0.3, 0.1), 0.45, y, 12.5, colour, f"roof_front_{name}")
        car.add(curved_slope(0.9, width, 1, 0.3, 0.1), -2.45, y, 12.5, colour, f"roof_rear_{name}", yaw=180)


def _boot(car: Builder) -> None:
    for y, width, colour, name in _STRIPS:
        car.add(curved_slope(3, width, 1.5, 0.8, 1.4), -7, y, 8, colour, f"boot_{name}", yaw=180)
    for side, name, _ in SIDES:
        car.add(curved_slope(3, 1, 1.5, 0.3, 0.6), -6, side * 3.5, 8, "azure", f"{name}_haunch", yaw=180)
        car.add(curved_slope(1.5, 1, 1.5, 0.2, 0.2), -3.75, side * 3.5, 8, "azure", f"{name}_haunch_front")
    car.add(slope(1, 5.9, 1.2, 0.5, 0.2), -8.05, 0, 9.2, "white", "spoiler_lip")


def _tail(car: Builder) -> None:
    car.add(wedge(1.4, 8, 6, 2.2, studs=False), -8.2, 0, 2, "azure", "rear_bumper", yaw=180)
    car.add(tile(0.7, 7, 3.8), -7.85, 0, 4.2, "black", "tail_panel")
    for side, name, _ in SIDES:
        for y in (1.7, 2.8):
            car.add(lamp(1), -8.2, side * y, 6.3, "lamp_red", f"{name}_tail_lamp", tilt=BACKWARD)
    car.add(tile(0.3, 2.2, 1.3), -8.3, 0, 5.6, "yellow", "rear_number_plate")
    car.rod((-8.6, -2.2, 2.3), (-9.3, -2.2, 2.3), "silver", "exhaust", 0.0026)


def _trim(car: Builder) -> None:
    for side, name, turn in SIDES:
        car.add(curved_slope(0.6, 1.2, 1.7, 0.5, 0.1), 2.0, side * 3.9, 8.6, "white", f"{name}_mirror")
        car.add(tile(0.9, 0.4, 0.4), -1.9, side * 4.0, 7.4, "black", f"{name}_door_handle", tilt=turn)
    car.add(round_brick(1.8, 0.4, stud=False), 0.4, 4.0, 5.6, "white", "door_roundel", tilt=SIDES[0][2])
    car.add(tile(0.35, 1.1, 0.4), 0.4, 4.15, 5.6, "black", "door_number", tilt=SIDES[0][2])
    car.add(tile(3.2, 0.5, 0.4), 0.4, -4.0, 6.2, "orange", "door_stripe", tilt=SIDES[1][2])
    car.add(tile(2.2, 0.5, 0.4), 0.9, -4.0, 4.6, "orange", "short_door_stripe", tilt=SIDES[1][2])
    car.add(round_brick(0.8, 0.5, stud=False), -6.9, 4.0, 6.4, "silver", "fuel_cap", tilt=SIDES[0][2])
    car.rod((2.75, 0.9, 9.3), (1.75, -0.6, 10.9), "black", "wiper", 0.0007)
    car.add(grille(1, 1), 4.2, -1.6, 9.4, "black", "bonnet_vent")
