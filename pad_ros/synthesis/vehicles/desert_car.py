"""A dune buggy: big tyres on long struts, a tube frame around an open cabin, a bare engine at the back."""

from __future__ import annotations

from functools import cache

import numpy as np

from pad_ros.synthesis.assembly import Assembly, Mesh, rotation
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
    pipe,
    round_brick,
    slope,
    steering_wheel,
    tile,
    wedge,
    windscreen,
)
from pad_ros.synthesis.shapes import lathe, prism, tube
from pad_ros.synthesis.vehicles.builder import BACKWARD, FORWARD, LEFT, RIGHT, Builder

_SIDES = ((1, "left"), (-1, "right"))

_AXLE = 5.12  # plates: the tread blocks touch the ground
_FRONT_AXLE, _REAR_AXLE = 5.2, -4.8  # studs
_WHEEL_Y = 4.15
_ROOF = 19.5  # plates, the middle of the roof's tubes
_BONNET = rotation("y", 10.9)  # what lay flat now lies on the bonnet
_STAY = 34.7  # degrees by which the rear stays fall


def desert_car() -> Assembly:
    """The intact buggy: 18 studs (145 mm) long, wheels on z = 0, front towards +x."""
    car = Builder()
    _floor(car)
    _nose(car)
    _front_axle(car)
    _rear_axle(car)
    _cabin(car)
    _driver(car)
    _frame(car)
    _sides(car)
    _engine(car)
    _exhausts(car)
    _tail(car)
    _light_bar(car)
    _roof_load(car)
    return car.build("desert_car")


@cache
def _spring(length: float, radius: float = 0.0023, wire: float = 0.0006) -> Mesh:
    """A coil about z that stands on z = 0; metres."""
    turns = round(length / 0.0030)
    angle = np.linspace(0, 2 * np.pi * turns, 12 * turns + 1)
    path = np.column_stack(
        [radius * np.cos(angle), radius * np.sin(angle), np.linspace(wire, length - wire, len(angle))]
    )
    return tube(path, wire, 6)


@cache
def _strap(radius: float, width: float = 0.0020) -> Mesh:
    """A ring about z that goes round a roll of `radius`, metres."""
    outer, inner = radius + 0.0004, radius - 0.0006
    return lathe(np.array([[inner, 0.0], [outer, 0.0], [outer, width], [inner, width]]), 24, closed=True)


@cache
def _pennant(length: float, height: float) -> Mesh:
    """A triangular flag that flies towards -x from the z axis; studs."""
    corners = np.array([[0.0, 0.0], [0.0, height], [-length, 0.6 * height]])
    return prism(corners * STUD, 0.0010, 0.0001)


def _floor(car: Builder) -> None:
    car.add(brick(10, 4, 1), 0, 0, 5, "dark_grey", "floor_pan")
    car.add(brick(5, 6, 1), 0.5, 0, 6, "tan", "cabin_floor")
    car.add(brick(3, 4, 1), -6.5, 0, 5, "dark_grey", "engine_plate")
    car.add(brick(1, 6, 4), -2.5, 0, 6, "orange", "firewall")


def _nose(car: Builder) -> None:
    car.add(brick(2, 4, 4), 4, 0, 6, "tan", "nose_base")
    car.add(brick(2, 4, 1), 4, 0, 10, "orange", "bonnet_plate")
    car.add(wedge(3, 4, 2, 3), 6.5, 0, 6, "tan", "nose")
    car.add(slope(3, 2, 1.9, 0.5), 6.5, 0, 9, "orange", "bonnet")
    car.add(tile(1.7, 1.5, 0.4), 6.5, 0, 10.2, "white", "bonnet_number_tile", tilt=_BONNET)
    for y, value in ((-0.36, 4), (0.36, 8)):
        car.add(digit(value, 1.2), 6.5, y, 10.6, "blue", "bonnet_figure", tilt=_BONNET @ rotation("z", 90))
    car.add(tile(2, 1, 0.5), 4, 1.5, 11.1, "blue", "bonnet_stripe")
    car.add(tile(3.4, 2.6, 0.5), 6.6, 0, 4.9, "silver", "skid_plate", tilt=rotation("y", -8))
    bumper = ((5.2, -1.9, 5.5), (8.4, -1.6, 6.5), (8.9, -1.0, 6.6), (8.9, 1.0, 6.6), (8.4, 1.6, 6.5), (5.2, 1.9, 5.5))
    car.add(pipe(bumper), 0, 0, 0, "blue", "front_bumper")
    hoop = ((8.9, -0.9, 6.6), (8.5, -0.9, 10.2), (8.5, 0.9, 10.2), (8.9, 0.9, 6.6))
    car.add(pipe(hoop, 0.0013), 0, 0, 0, "blue", "front_hoop")
    for side, name in _SIDES:
        car.add(lamp(0.9), 7.98, 0.5 * side, 7.7, "lamp_white", f"{name}_headlight", tilt=FORWARD)
        car.add(lamp(0.7), 8.6, 1.2 * side, 7.6, "lamp_amber", f"{name}_indicator", tilt=FORWARD)
    car.add(round_brick(0.8, 3, stud=False), 8.4, 0.6, 6.3, "dark_grey", "winch", tilt=RIGHT)


def _front_axle(car: Builder) -> None:
    x = _FRONT_AXLE
    tower = ((x - 0.5, -2.2, 9.5), (x - 0.5, -1.8, 13), (x - 0.5, 1.8, 13), (x - 0.5, 2.2, 9.5))
    car.add(pipe(tower), 0, 0, 0, "blue", "front_tower")
    for side, name in _SIDES:
        _wheel(car, x, side, f"{name}_front", "white")
        wishbone = ((x - 1.1, 1.9, 5.5), (x - 0.6, 3.3, 5.1), (x + 0.4, 3.3, 5.1), (x + 0.8, 1.6, 5.9))
        car.add(
            pipe(tuple((a, side * b, c) for a, b, c in wishbone), 0.0012), 0, 0, 0, "light_grey", f"{name}_wishbone"
        )
        car.rod((x, 1.6 * side, 8.2), (x, 3.6 * side, 5.9), "light_grey", f"{name}_upper_arm", 0.0012)
        _strut(car, x - 0.5, (3.2 * side, 5.3), (1.9 * side, 12.7), f"{name}_front")
        car.rod((x - 0.8, 1.9 * side, 9.4), (x - 0.8, 3.9 * side, 10.35), "blue", f"{name}_front_guard_stay", 0.0012)


def _rear_axle(car: Builder) -> None:
    x = _REAR_AXLE
    for side, name in _SIDES:
        _wheel(car, x, side, f"{name}_rear", "orange")
        car.rod((-2.9, 2.6 * side, 6.4), (x, 3.5 * side, 5.1), "light_grey", f"{name}_trailing_arm", 0.0018)
        _strut(car, x + 0.8, (3.05 * side, 5.7), (2.05 * side, 16.6), f"{name}_rear")
        car.rod((x - 0.6, 1.4 * side, 9.0), (x - 0.6, 3.7 * side, 10.4), "blue", f"{name}_rear_guard_stay", 0.0012)


def _wheel(car: Builder, x: float, side: int, name: str, colour: str) -> None:
    """A wheel with its half axle and guard."""
    car.wheel(x, _WHEEL_Y * side, _AXLE, 0.0160, 0.0135, "white")
    car.rod((x, 1.2 * side, 5.4), (x, 4.1 * side, _AXLE), "dark_grey", f"{name}_half_axle", 0.0014)
    car.add(mudguard(0.0178, 0.0130, 50, 138), x, _WHEEL_Y * side, _AXLE, colour, f"{name}_guard")


def _strut(car: Builder, x: float, foot: tuple[float, float], head: tuple[float, float], name: str) -> None:
    """A damper with its spring between two points (y in studs, z in plates)."""
    car.rod((x, *foot), (x, *head), "silver", f"{name}_damper", 0.0012)
    across, up = (head[0] - foot[0]) * STUD, (head[1] - foot[1]) * PLATE
    lean = rotation("x", -float(np.degrees(np.arctan2(across, up))))
    y, z = 0.7 * foot[0] + 0.3 * head[0], 0.7 * foot[1] + 0.3 * head[1]
    length = round(0.66 * float(np.hypot(across, up)), 5)
    car.add(_spring(length), x, y, z, "yellow", f"{name}_spring", tilt=lean)


def _cabin(car: Builder) -> None:
    car.add(brick(1, 6, 4), 2.5, 0, 7, "white", "scuttle")
    car.add(windscreen(0.5, 4.4, 3), 2.75, 0, 11.1, "glass", "windscreen")
    car.add(tile(4.6, 0.8, 0.5), 2.0, 0, 10, "black", "dashboard", yaw=-90, tilt=RIGHT)
    for side, name in _SIDES:
        car.add(brick(4, 1, 3), 0, 2.5 * side, 7, "tan", f"{name}_door")
        car.add(brick(2, 2, 1), -0.7, 1.0 * side, 7, "azure", f"{name}_seat")
        car.add(tile(0.6, 1.7, 6), -1.6, 1.0 * side, 7.9, "azure", f"{name}_backrest", tilt=rotation("y", -6))
        car.add(tile(0.5, 1.0, 1.6), -1.75, 1.0 * side, 13.8, "white", f"{name}_head_rest", tilt=rotation("y", -6))
    car.rod((2.1, 1.0, 9.6), (1.2, 1.0, 11.2), "dark_grey", "steering_column", 0.0010)
    car.add(steering_wheel(1.4), 1.2, 1.0, 11.2, "black", "steering_wheel", tilt=rotation("y", -55))
    car.rod((0.6, 0, 6.9), (0.4, 0, 9.6), "silver", "gear_lever", 0.0008)
    car.add(brick(1, 1, 3), -0.6, -1, 8, "brown", "knapsack")


def _driver(car: Builder) -> None:
    car.add(tile(0.9, 1.5, 4), -0.8, 1, 8.2, "red", "driver_body")
    car.add(round_brick(1.1, 1.6, stud=False), -0.8, 1, 12.2, "white", "helmet")
    car.add(dome(1.1, 1.6), -0.8, 1, 13.8, "white", "helmet_top")
    car.add(tile(0.3, 0.8, 1), -0.4, 1, 12.6, "glass", "helmet_visor")
    for y in (0.25, 1.75):
        car.rod((-0.8, y, 11.4), (1.0, 1 + 0.6 * (y - 1), 11.4), "red", "driver_arm", 0.0016)


def _frame(car: Builder) -> None:
    for side, name in _SIDES:
        front = ((2.7, 2.6 * side, 11), (1.7, 2.3 * side, _ROOF), (-2.5, 2.3 * side, _ROOF))
        car.add(pipe(front), 0, 0, 0, "blue", f"{name}_roof_tube")
        rear = ((-2.5, 2.3 * side, _ROOF - 0.2), (-6.6, 1.6 * side, 12.2), (-7.7, 1.6 * side, 6))
        car.add(pipe(rear), 0, 0, 0, "blue", f"{name}_rear_stay")
        step = ((2.6, 2.9, 7.2), (2.1, 3.6, 6.6), (-1.7, 3.6, 6.6), (-2.3, 2.9, 7.2))
        car.add(pipe(tuple((a, side * b, c) for a, b, c in step)), 0, 0, 0, "blue", f"{name}_side_step")
    main = ((-2.5, -2.6, 10), (-2.5, -2.3, _ROOF), (-2.5, 2.3, _ROOF), (-2.5, 2.6, 10))
    car.add(pipe(main), 0, 0, 0, "blue", "main_hoop")
    car.rod((1.7, -2.3, _ROOF), (1.7, 2.3, _ROOF), "blue", "front_roof_bar")
    car.rod((-6.6, -1.6, 12.2), (-6.6, 1.6, 12.2), "blue", "rear_cross_bar")


def _sides(car: Builder) -> None:
    """What tells left from right: sand ladder and figures against sand plate, stripe and snorkel."""
    along = FORWARD @ rotation("z", 90)
    car.add(ladder(5.6, 1.2, 7), -2.9, 2.93, 11.9, "orange", "sand_ladder", tilt=along)
    car.add(tile(2.4, 1, 0.3), 0, 2.97, 8.5, "white", "left_number_tile", tilt=LEFT)
    for x, value in ((0.4, 4), (-0.4, 8)):
        car.add(digit(value, 0.9), x, 3.09, 8.5, "blue", "left_figure", yaw=180, tilt=RIGHT)
    car.add(grille(5, 1), 0.1, -2.75, 12.0, "lime", "sand_plate", tilt=RIGHT)
    car.add(tile(3.6, 0.4, 0.3), 0, -2.97, 9.2, "orange", "right_stripe", tilt=RIGHT)
    car.add(tile(3.6, 0.4, 0.3), 0, -2.97, 7.9, "blue", "right_stripe", tilt=RIGHT)
    snorkel = ((-2.9, -2.2, 9.6), (-3.05, -2.75, 11.5), (-3.05, -2.65, 21))
    car.add(pipe(snorkel, 0.0018), 0, 0, 0, "black", "snorkel")
    car.add(round_brick(1, 2, stud=False), -3.05, -2.65, 20.8, "black", "snorkel_head")
    car.add(round_brick(0.8, 3.4, stud=False), -2.5, -1.5, 10, "red", "fire_extinguisher")


def _engine(car: Builder) -> None:
    car.add(brick(3, 2, 3), -5, 0, 6, "dark_grey", "engine_block")
    for side, name in _SIDES:
        lean = rotation("x", -38 * side)
        car.add(tile(2.8, 1.1, 1.6), -5, 0.75 * side, 8.5, "silver", f"{name}_cylinder_head", tilt=lean)
        car.add(tile(2.5, 0.8, 0.7), -5, 1.14 * side, 9.75, "red", f"{name}_valve_cover", tilt=lean)
    car.add(round_brick(1.0, 2.2, stud=False), -5, 0, 9, "black", "carburettor")
    car.add(round_brick(1.8, 1.2), -5, 0, 11.2, "silver", "air_filter")
    car.add(round_brick(1.8, 4, stud=False), -8.0, 0, 8.0, "light_grey", "gearbox", tilt=FORWARD)
    car.add(brick(1, 1, 3), -3.5, -1.5, 6, "yellow", "battery")


def _exhausts(car: Builder) -> None:
    for x in (-4.6, -5.3, -6.0):
        car.rod((x, 1.3, 8.4), (x - 0.7, 2.5, 11.4), "silver", "left_exhaust", 0.0013)
    collector = ((-4.2, -1.3, 8.4), (-4.7, -2.1, 8.2), (-7.6, -2.1, 8.2), (-8.6, -2.1, 10.6))
    car.add(pipe(collector, 0.0014), 0, 0, 0, "silver", "right_exhaust")
    car.add(round_brick(1.0, 4, stud=False), -7.5, -2.1, 8.2, "black", "muffler", tilt=FORWARD)


def _tail(car: Builder) -> None:
    bumper = ((-7.8, -1.8, 5.5), (-8.8, -1.8, 5.5), (-8.8, 1.8, 5.5), (-7.8, 1.8, 5.5))
    car.add(pipe(bumper), 0, 0, 0, "blue", "rear_bumper")
    car.add(tile(0.5, 3.4, 1), -6.85, 0, 11.9, "black", "tail_lamp_bar")
    for y, colour in ((-1.2, "lamp_red"), (0, "lamp_amber"), (1.2, "lamp_red")):
        car.add(lamp(0.8), -7.05, y, 12.4, colour, "tail_lamp", tilt=BACKWARD)
    car.add(tile(1, 2, 0.5), -7.98, 0, 5.6, "yellow", "number_plate", tilt=BACKWARD)
    lean = rotation("y", -_STAY) @ RIGHT
    car.wheel(-4.55, 0, 18.5, 0.0140, 0.0105, "light_grey", tilt=lean)
    car.rod((-4.2, -2.05, 16.5), (-4.2, 2.05, 16.5), "blue", "spare_wheel_bar", 0.0013)


def _light_bar(car: Builder) -> None:
    car.add(tile(0.6, 4.8, 1), 1.95, 0, 20, "black", "light_bar")
    for y in (-1.9, -0.95, 0.0, 0.95, 1.9):
        colour = "lamp_amber" if abs(y) > 1.5 else "lamp_white"
        car.add(lamp(0.9), 2.2, y, 20.8, colour, "roof_lamp", tilt=FORWARD)


def _roof_load(car: Builder) -> None:
    for x in (-2.3, -1.1, 0.1, 1.2):
        car.add(tile(0.5, 4.8, 0.5), x, 0, 20, "light_grey", "rack_slat")
    rail = ((1.5, 2.4, 21.2), (-2.7, 2.4, 21.2), (-2.7, -2.4, 21.2), (1.5, -2.4, 21.2))
    car.add(pipe(rail, 0.0010), 0, 0, 0, "light_grey", "rack_rail")
    car.add(round_brick(1.3, 10, stud=False), 0.9, 2.0, 22.1, "green", "tent_roll", tilt=RIGHT)
    for y in (1.3, -0.9):
        car.add(_strap(0.0052), 0.9, y, 22.1, "tan", "tent_strap", tilt=RIGHT)
    for x, colour in ((-0.5, "azure"), (-1.6, "white")):
        car.add(brick(1, 2, 3), x, 1.2, 20.5, colour, "water_can")
        car.add(round_brick(0.7, 1, stud=False), x, 1.7, 23.5, "blue", "water_can_cap")
    car.add(brick(2, 2, 2), -1.1, -1.1, 20.5, "brown", "crate")
    car.add(tile(1, 1, 1), -0.6, -1.6, 22.5, "orange", "crate_label")
    car.rod((-2.8, -2.2, 21.9), (0.2, -2.2, 21.9), "brown", "shovel_shaft", 0.0009)
    car.add(tile(1.1, 0.3, 2), 0.6, -2.2, 21.0, "silver", "shovel_blade")
    car.rod((-2.7, 2.4, _ROOF), (-3.6, 2.6, 31.5), "black", "whip_antenna", 0.0008)
    car.add(_pennant(1.8, 1.2), -3.33, 2.55, 28.2, "orange", "flag")
