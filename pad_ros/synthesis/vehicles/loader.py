"""A wheel loader: bucket on two lift arms, articulated frame, open cab, engine with counterweight behind."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

from pad_ros.geometry import Matrix
from pad_ros.synthesis.assembly import Assembly, Mesh, join, rotation, translation
from pad_ros.synthesis.bricks import (
    PLATE,
    STUD,
    brick,
    digit,
    dome,
    grille,
    ladder,
    lamp,
    mudguard,
    pane_frame,
    pipe,
    round_brick,
    slope,
    steering_wheel,
    tile,
    windscreen,
)
from pad_ros.synthesis.shapes import cylinder, prism, sector, slab
from pad_ros.synthesis.vehicles.builder import BACKWARD, FORWARD, LEFT, RIGHT, Builder

_SIDES = ((1, "left"), (-1, "right"))
_FRONT, _REAR, _AXLE = 3.6, -4.4, 5.25  # studs, studs, plates
_DECK, _ROOF = 9.2, 21.0  # plates
_BUCKET = (7.4, 2.0)  # studs, plates: the rear lower corner of the bucket
_CURL = -14.0  # degrees that the bucket is rolled back


def loader() -> Assembly:
    """The intact loader: 23 studs (184 mm) long, wheels on z = 0, bucket towards +x."""
    machine = Builder()
    _frames(machine)
    _wheels(machine)
    _joint(machine)
    _arms(machine)
    _linkage(machine)
    _bucket(machine)
    _engine(machine)
    _hood_details(machine)
    _counterweight(machine)
    _platform(machine)
    _cab(machine)
    _seat(machine)
    _roof(machine)
    return machine.build("loader")


@cache
def _beam(corners: tuple[tuple[float, float], ...], depth: float, width: float) -> Mesh:
    """A flat lever along corners (studs, plates) in the x-z plane, round at its corners; depth and width in studs."""
    points = np.array(corners) * (STUD, PLATE)
    half, thick = 0.5 * depth * STUD, width * STUD
    eye = cylinder(half, thick, 20).moved(translation(0, 0.5 * thick, 0) @ rotation("x", 90))
    pieces = [eye.moved(translation(x, 0, z)) for x, z in points]
    for a, b in pairwise(points):
        along = (b - a) / np.linalg.norm(b - a)
        up = half * np.array([-along[1], along[0]])
        pieces.append(prism(np.array([a - up, b - up, b + up, a + up]), thick))
    return join(pieces)


def _outwards(side: int) -> Matrix:
    return LEFT if side > 0 else RIGHT


def _frames(machine: Builder) -> None:
    machine.add(brick(9, 4, 1), -4, 0, 4.2, "black", "rear_frame")
    machine.add(brick(4, 4, 1), 3.5, 0, 4.2, "black", "front_frame")
    machine.add(brick(4, 3, 2), 3.5, 0, 5.2, "yellow", "front_body")
    for side, name in _SIDES:
        machine.add(tile(1.6, 0.5, 8), 2.0, side * 1.25, 5.2, "yellow", f"{name}_tower")
    machine.rod((2.0, -1.3, 9.5), (2.0, 1.3, 9.5), "dark_grey", "tower_tie", 0.0022)
    machine.add(slope(1, 3, 2, 0.5, 0.1), 5.0, 0, 7.2, "yellow", "front_body_slope")


def _wheels(machine: Builder) -> None:
    for x, end in ((_FRONT, "front"), (_REAR, "rear")):
        machine.rod((x, -3.4, _AXLE), (x, 3.4, _AXLE), "dark_grey", f"{end}_axle", 0.0026)
        for side, name in _SIDES:
            machine.wheel(x, side * 3.35, _AXLE, 0.0165, 0.0135, "yellow")
            machine.add(
                round_brick(0.8, 1, stud=False), x, side * 4.0, _AXLE, "black", f"{name}_cap", tilt=_outwards(side)
            )
    for side, name in _SIDES:
        machine.add(mudguard(0.0180, 0.0172, 30, 150), _REAR, side * 3.1, _AXLE, "black", f"rear_{name}_guard")
        machine.add(mudguard(0.0180, 0.0136, 50, 130), _FRONT, side * 3.4, _AXLE, "black", f"front_{name}_guard")
        machine.rod((2.0, side * 1.4, 10.8), (2.4, side * 3.2, 10.2), "dark_grey", f"front_{name}_bracket", 0.0013)
        machine.rod((3.0, side * 3.4, 10.8), (3.0, side * 3.4, 13.0), "dark_grey", f"{name}_lamp_post", 0.0010)
        machine.add(tile(0.5, 1.1, 2.4), 3.0, side * 3.4, 12.8, "black", f"{name}_lamp_box")
        machine.add(lamp(0.85), 3.2, side * 3.4, 14.0, "lamp_white", f"{name}_headlight", tilt=FORWARD)


def _joint(machine: Builder) -> None:
    for z, name in ((4.0, "lower"), (5.22, "upper")):
        machine.add(round_brick(1.8, 1, stud=False), 1.0, 0, z, "light_grey", f"{name}_joint_plate")
    machine.rod((1.0, 0, 3.5), (1.0, 0, 7.2), "silver", "joint_pin", 0.0022)
    for side, name in _SIDES:
        machine.rod((-0.6, side * 2.1, 4.9), (0.9, side * 1.95, 4.9), "yellow", f"{name}_steering_barrel", 0.0016)
        machine.rod((0.9, side * 1.95, 4.9), (2.0, side * 1.85, 4.9), "silver", f"{name}_steering_rod", 0.0009)


def _arms(machine: Builder) -> None:
    for side, name in _SIDES:
        arm = _beam(((2.0, 12.3), (4.9, 10.8), (6.75, 4.6)), 0.9, 0.45)
        machine.add(arm, 0, side * 1.75, 0, "yellow", f"{name}_lift_arm")
        for x, z in ((2.0, 12.3), (6.75, 4.6)):
            machine.add(
                round_brick(0.55, 0.6, stud=False), x, side * 1.9, z, "silver", f"{name}_arm_pin", tilt=_outwards(side)
            )
        machine.rod((2.9, side * 1.75, 6.6), (4.0, side * 1.75, 8.4), "black", f"{name}_lift_barrel", 0.0019)
        machine.rod((4.0, side * 1.75, 8.4), (4.9, side * 1.75, 10.2), "silver", f"{name}_lift_rod", 0.0011)
    machine.rod((5.1, -1.6, 10.3), (5.1, 1.6, 10.3), "yellow", "arm_cross_tube", 0.0028)


def _linkage(machine: Builder) -> None:
    """The lever and cylinder in the middle, which roll the bucket."""
    machine.rod((2.0, -1.3, 11.6), (2.0, 1.3, 11.6), "dark_grey", "tilt_foot", 0.0014)
    machine.rod((2.0, 0, 11.6), (3.7, 0, 12.7), "black", "tilt_barrel", 0.0022)
    machine.rod((3.7, 0, 12.7), (5.0, 0, 13.55), "silver", "tilt_rod", 0.0012)
    machine.add(_beam(((5.0, 13.6), (5.2, 10.3), (5.7, 7.9)), 0.75, 0.5), 0, 0, 0, "yellow", "tilt_lever")
    machine.add(_beam(((5.7, 7.9), (6.5, 8.0)), 0.55, 0.9), 0, 0, 0, "dark_grey", "bucket_link")


def _bucket(machine: Builder) -> None:
    turn = rotation("y", _CURL)

    def put(mesh: Mesh, x: float, y: float, z: float, colour: str, name: str, tilt: Matrix | None = None) -> None:
        """Adds a part in the bucket's own frame: x ahead of and z above its rear lower corner."""
        place = turn @ np.array([x * STUD, y * STUD, z * PLATE, 1.0])
        more = np.eye(4) if tilt is None else tilt
        machine.add(
            mesh, _BUCKET[0] + place[0] / STUD, y, _BUCKET[1] + place[2] / PLATE, colour, name, tilt=turn @ more
        )

    put(tile(2.8, 9.2, 0.9), 2.4, 0, 0, "yellow", "bucket_floor")
    put(sector(0.0064, 0.0092, 9.2 * STUD - 0.0002, 180, 270), 1.15, 0, 2.875, "yellow", "bucket_curve")
    put(tile(0.35, 9.2, 6.2), 0.175, 0, 2.9, "yellow", "bucket_back")
    put(tile(1.0, 9.2, 0.9), 0.45, 0, 9.1, "yellow", "bucket_lip")
    put(tile(0.8, 9.6, 0.7), 4.15, 0, 0.1, "dark_grey", "cutting_edge")
    outline = np.array([[0, 9.6], [0, 2.4], [1.0, 0], [3.9, 0], [3.9, 1.4], [1.6, 9.6]]) * (STUD, PLATE)
    cheek = slab(outline, 0.3 * STUD).moved(translation(0, 0.15 * STUD, 0) @ rotation("x", 90))
    for side, name in _SIDES:
        put(cheek, 0, side * 4.75, 0, "dark_grey", f"bucket_{name}_cheek")
        put(tile(0.5, 0.9, 1.2), -0.2, side * 1.75, 1.6, "dark_grey", f"bucket_{name}_bracket")
    for y in np.linspace(-4.2, 4.2, 7):
        put(slope(1.1, 0.6, 1.1, 0.2, 0.1), 4.75, float(y), 0.15, "light_grey", "tooth")
    stones = (
        (slope(2.4, 2.2, 4.5, 1.2, 0.7), -2.7, "brown"),
        (brick(2, 2, 2), 0.2, "tan"),
        (round_brick(2, 3), 2.8, "white"),
    )
    for mesh, y, colour in stones:
        put(mesh, 2.0, y, 0.85, colour, "load", tilt=rotation("z", 25 * y))


def _engine(machine: Builder) -> None:
    machine.add(brick(6, 4, 3), -6, 0, 5.2, "dark_grey", "engine_block")
    machine.add(brick(5, 4, 3), -5.6, 0, 8.2, "yellow", "hood")
    machine.add(brick(3, 4, 2), -4.6, 0, 11.2, "yellow", "hood_top")
    machine.add(slope(2, 4, 2, 0.4, 0.2), -7.1, 0, 11.2, "yellow", "hood_tail", yaw=180)
    machine.add(grille(3, 1), -8.1, 0, 9.6, "black", "rear_grille", tilt=BACKWARD @ rotation("z", 90))
    for side, name in _SIDES:
        machine.add(grille(2, 1), -4.2, side * 2.0, 11.9, "black", f"{name}_hood_grille", tilt=_outwards(side))


def _hood_details(machine: Builder) -> None:
    for place, value in enumerate((9, 5)):
        upright = rotation("z", 180) @ rotation("x", 90)
        machine.add(digit(value, 0.8), -6.5 - 0.6 * place, 2.0, 10.2, "black", "hood_number", tilt=upright)
    machine.add(tile(2.2, 0.5, 0.4), -6.7, -1.98, 10.2, "red", "right_hood_stripe", tilt=RIGHT)
    machine.rod((-4.1, -1.0, 13.0), (-4.1, -1.0, 17.5), "dark_grey", "exhaust", 0.0019)
    machine.rod((-4.1, -1.0, 14.0), (-4.1, -1.0, 16.4), "silver", "exhaust_shield", 0.0025)
    machine.rod((-4.1, -1.0, 17.3), (-4.8, -1.0, 19.0), "dark_grey", "exhaust_tip", 0.0017)
    machine.add(round_brick(1.0, 2.4, stud=False), -4.4, 1.0, 13.0, "black", "air_intake")
    machine.add(dome(1.3, 1.4), -4.4, 1.0, 15.2, "light_grey", "air_cleaner")
    machine.add(round_brick(0.9, 0.9, stud=False), -5.5, 0.5, 13.2, "blue", "coolant_cap")
    for side, name in _SIDES:
        y = side * 2.6
        rail = pipe(((-3.6, y, 11.0), (-3.6, y, 14.5), (-5.8, y, 14.5), (-5.8, y, 10.6)), 0.0009)
        machine.add(rail, 0, 0, 0, "orange", f"{name}_hood_rail")


def _counterweight(machine: Builder) -> None:
    machine.add(tile(1.6, 6, 4), -9.2, 0, 4.6, "black", "counterweight")
    machine.add(brick(1, 4, 1), -8.9, 0, 8.6, "black", "counterweight_top")
    slanted = BACKWARD @ rotation("z", 35)
    for y in (-2.4, -1.45, 1.45, 2.4):
        machine.add(tile(1.3, 0.45, 0.4), -9.98, y, 6.6, "yellow", "warning_stripe", tilt=slanted)
    machine.add(tile(0.7, 1.3, 0.5), -9.98, 0, 7.2, "white", "number_plate", tilt=BACKWARD)
    machine.rod((-9.9, 0, 5.4), (-10.5, 0, 5.4), "silver", "tow_pin", 0.0014)
    for side, name in _SIDES:
        machine.add(tile(0.8, 0.8, 2), -9.2, side * 2.5, 8.6, "dark_grey", f"{name}_tail_lamp_box")
        machine.add(lamp(0.7), -9.6, side * 2.5, 9.6, "lamp_red", f"{name}_tail_lamp", tilt=BACKWARD)


def _platform(machine: Builder) -> None:
    machine.add(brick(3, 4, 3), -1.6, 0, 5.2, "dark_grey", "platform_base")
    machine.add(brick(4, 6, 1), -1.1, 0, 8.2, "black", "platform")
    machine.add(brick(2, 1, 3), -0.6, -2.5, 5.2, "orange", "fuel_tank")
    machine.add(round_brick(0.6, 0.6, stud=False), -1.2, -3.0, 6.8, "black", "fuel_cap", tilt=RIGHT)
    machine.add(tile(0.8, 0.5, 0.4), -0.2, -2.98, 6.8, "white", "fuel_label", tilt=RIGHT)
    lean = rotation("x", 10) @ rotation("z", 90)
    machine.add(ladder(3.2, 1.7, 4), -0.4, 3.45, 1.6, "light_grey", "ladder", tilt=lean)
    machine.add(brick(1, 1, 3), -1.5, 2.5, 5.2, "blue", "battery_box")
    for side, name in _SIDES:
        rail = pipe(((0.7, 0, 0), (0.7, 0, 4.5), (-1.2 - 0.5 * side, 0, 4.5), (-1.2 - 0.5 * side, 0, 0)), 0.0009)
        machine.add(rail, 0, side * 2.8, 9.1, "orange", f"{name}_platform_rail")


def _cab(machine: Builder) -> None:
    for side, name in _SIDES:
        y = side * 1.75
        for x, post in ((0.35, "front"), (-2.55, "rear")):
            machine.rod((x, y, _DECK - 0.1), (x, y, _ROOF + 0.1), "black", f"cab_{post}_{name}_post")
    machine.add(tile(2.6, 0.3, 3), -1.1, -1.75, _DECK, "yellow", "right_cab_panel")
    machine.add(tile(1.2, 0.3, 3), -1.8, 1.75, _DECK, "yellow", "left_cab_panel")
    machine.rod((-1.2, 1.75, _DECK), (-1.2, 1.75, _ROOF), "black", "door_post", 0.0010)
    machine.add(tile(0.3, 3.1, 2.4), 0.35, 0, _DECK, "yellow", "front_cab_panel")
    machine.add(windscreen(0.15, 3.1, 9), 0.35, 0, _DECK + 2.5, "glass", "windscreen")
    machine.rod((0.6, -0.4, 11.8), (0.55, 0.8, 16.5), "black", "wiper", 0.0006)
    machine.add(pane_frame(3.1, 9.2, 0.25, 0.3), -2.55, 0, _DECK + 2.6, "black", "rear_window", yaw=90)
    machine.add(tile(0.3, 3.1, 2.6), -2.55, 0, _DECK, "yellow", "rear_cab_panel")
    for side, name in _SIDES:
        machine.rod((0.4, side * 1.8, 16.5), (0.8, side * 2.9, 17.0), "black", f"{name}_mirror_stalk", 0.0008)
        machine.add(tile(0.3, 0.7, 2.6), 0.85, side * 3.1, 15.4, "black", f"{name}_mirror")
        machine.add(tile(0.8, 0.5, 0.3), 0.72, side * 3.1, 16.7, "silver", f"{name}_mirror_glass", tilt=BACKWARD)


def _seat(machine: Builder) -> None:
    machine.add(brick(1, 2, 2), -1.6, 0, _DECK, "dark_grey", "seat_base")
    machine.add(tile(1.3, 1.8, 0.8), -1.5, 0, _DECK + 2, "blue", "seat")
    machine.add(tile(0.4, 1.7, 4.5), -2.0, 0, _DECK + 2.6, "blue", "backrest", tilt=rotation("y", -8))
    machine.rod((0.1, 0, _DECK), (-0.4, 0, _DECK + 4.4), "dark_grey", "steering_column", 0.0011)
    machine.add(steering_wheel(1.2), -0.4, 0, _DECK + 4.3, "black", "steering_wheel", tilt=rotation("y", -30))
    machine.add(tile(0.9, 0.5, 2.6), -1.0, -1.25, _DECK, "light_grey", "console")
    machine.rod((-0.8, -1.25, _DECK + 2.5), (-0.7, -1.25, _DECK + 4.2), "red", "lever", 0.0008)


def _roof(machine: Builder) -> None:
    machine.add(brick(4, 4, 1), -1.1, 0, _ROOF, "yellow", "roof")
    machine.add(slope(0.7, 4, 1, 0.3, 0.1), 1.25, 0, _ROOF, "black", "sun_visor")
    for side, name in _SIDES:
        machine.add(tile(4, 0.5, 0.7), -1.1, side * 2.25, _ROOF + 0.1, "black", f"{name}_roof_edge")
        machine.add(lamp(0.8), 0.6, side * 1.4, _ROOF + 1.6, "lamp_white", f"{name}_work_lamp", tilt=FORWARD)
        machine.add(lamp(0.6), -2.6, side * 1.5, _ROOF + 1.5, "lamp_amber", f"{name}_rear_work_lamp", tilt=BACKWARD)
    machine.add(round_brick(1.0, 1, stud=False), -2.1, 1.0, _ROOF + 1.0, "black", "beacon_foot")
    machine.add(dome(0.95, 1.8), -2.1, 1.0, _ROOF + 1.9, "lamp_amber", "beacon")
    machine.add(brick(2, 2, 1.5), -1.1, -0.5, _ROOF + 1, "white", "air_conditioner")
    machine.rod((-2.5, -1.0, _ROOF + 0.9), (-3.2, -1.0, _ROOF + 9), "dark_grey", "antenna", 0.0006)
