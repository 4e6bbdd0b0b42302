"""A tracked battle tank: sloped hull, a turret that looks a little to the left, stowage on the fenders."""

from __future__ import annotations

from functools import cache

import numpy as np

from pad_ros.geometry import Matrix
from pad_ros.synthesis.assembly import Assembly, Mesh, apply, join, rotation, translation
from pad_ros.synthesis.bricks import (
    STUD,
    brick,
    digit,
    dome,
    grille,
    inverted_slope,
    lamp,
    mudguard,
    pipe,
    round_brick,
    slope,
    tile,
    wedge,
)
from pad_ros.synthesis.shapes import box, cylinder, lathe, ring
from pad_ros.synthesis.vehicles.builder import BACKWARD, FORWARD, LEFT, RIGHT, Builder
from pad_ros.synthesis.wheels import hub, track

_SIDES = ((1, "left"), (-1, "right"))

_AXLE = 3.78125  # plates: the track's outside touches the ground
_GLACIS = rotation("y", 19.75)  # what lay flat now lies on the glacis
_TURN = 20.0  # degrees that the turret looks to the left
_PIVOT = -0.3  # studs, x of the turret's axis


def tank() -> Assembly:
    """The intact tank: 19 studs (152 mm) long with its gun, tracks on z = 0, front towards +x."""
    vehicle = Builder()
    _running_gear(vehicle)
    _hull(vehicle)
    _glacis(vehicle)
    _engine_deck(vehicle)
    _left_stowage(vehicle)
    _right_stowage(vehicle)
    _turret(vehicle)
    _gun(vehicle)
    _turret_top(vehicle)
    _turret_sides(vehicle)
    return vehicle.build("tank")


@cache
def _road_wheel(radius: float, spokes: int) -> Mesh:
    """A wheel with its half axle towards -y; metres."""
    return join([hub(radius, 0.0125, spokes), cylinder(0.002, 0.0085).moved(rotation("x", 90))])


@cache
def _sprocket(radius: float, teeth: int = 12) -> Mesh:
    """A toothed driving wheel with its half axle towards -y; metres."""
    tooth = box(0.0032, 0.008, 0.0022).moved(translation(radius - 0.0012, 0, -0.0011))
    return join([_road_wheel(radius - 0.001, 5), *(tooth.moved(rotation("y", 360 * i / teeth)) for i in range(teeth))])


@cache
def _spare_link() -> Mesh:
    """A link of the track, lying on z = 0 across x."""
    pin = cylinder(0.0011, 0.0098, 10).moved(translation(0, 0.0049, 0.0011) @ rotation("x", 90))
    pins = [pin.moved(translation(side * 0.0035, 0, 0)) for side in (-1, 1)]
    return join([box(0.0065, 0.0085, 0.0016), box(0.0020, 0.0085, 0.0026), *pins])


@cache
def _muzzle_brake() -> Mesh:
    """A hollow double-baffle brake about z."""
    outer = [[0.0040, 0.0], [0.0040, 0.0032], [0.0032, 0.0036], [0.0032, 0.0056], [0.0040, 0.0060], [0.0040, 0.0092]]
    return lathe(np.array([[0.0022, 0.0], *outer, [0.0022, 0.0092]]), 20, closed=True)


def _running_gear(vehicle: Builder) -> None:
    for side, name in _SIDES:
        y, yaw = 4.0 * side, 0.0 if side > 0 else 180.0
        vehicle.add(track(12 * STUD, 0.0095, 0.0144, 44), 0, y, _AXLE, "rubber", f"{name}_track", yaw)
        vehicle.add(_sprocket(0.0096), 6, y, _AXLE, "light_grey", f"{name}_sprocket", yaw)
        vehicle.add(_road_wheel(0.0090, 4), -6, y, _AXLE, "light_grey", f"{name}_idler", yaw)
        for x in np.arange(-2, 3) * 1.88:
            vehicle.add(_road_wheel(0.0070, 6), float(x), y, 3.0, "tan", f"{name}_road_wheel", yaw)


def _hull(vehicle: Builder) -> None:
    vehicle.add(brick(12, 6, 6), 0, 0, 2, "dark_grey", "belly")
    vehicle.add(inverted_slope(2, 6, 6, 0.4), 7, 0, 2, "green", "nose")
    vehicle.add(inverted_slope(2, 6, 6, 0.8), -7, 0, 2, "green", "tail", yaw=180)
    vehicle.add(brick(8, 6, 4), 0, 0, 8, "green", "superstructure")
    for side, name in _SIDES:
        y = 4.0 * side
        vehicle.add(brick(12, 2, 1), 0, y, 8, "green", f"{name}_fender")
        vehicle.add(mudguard(0.0135, 0.0158, 38, 90), 6, y, _AXLE, "tan", f"{name}_front_mudguard")
        vehicle.add(mudguard(0.0135, 0.0158, 90, 150), -6, y, _AXLE, "tan", f"{name}_rear_mudguard")
        for x, end in ((8.1, "front"), (-8.1, "rear")):
            vehicle.add(
                ring(0.0018, 0.0036, 0.0022), x, 2 * side + 0.14, 7.0, "red", f"{name}_{end}_tow_eye", tilt=RIGHT
            )
    for side, name, colour in ((1, "left", "tan"), (-1, "right", "brown")):
        tilt = LEFT if side > 0 else RIGHT
        vehicle.add(tile(3, 0.9, 0.3), 1.9, 2.97 * side, 10.5, colour, f"{name}_hull_stripe", tilt=tilt)


def _glacis(vehicle: Builder) -> None:
    vehicle.add(slope(4, 6, 4), 6, 0, 8, "green", "glacis")
    vehicle.add(tile(1.3, 1.8, 0.5), 5.2, 1.5, _on_glacis(5.2), "tan", "driver_hatch", tilt=_GLACIS)
    vehicle.add(tile(0.4, 1.4, 1), 6.08, 1.5, _on_glacis(6.08), "glass", "driver_visor", tilt=_GLACIS)
    vehicle.add(dome(1.4, 1.8), 5.5, -1.6, _on_glacis(5.5) - 0.2, "dark_grey", "bow_gun_ball", tilt=_GLACIS)
    vehicle.rod((5.7, -1.6, 11.6), (7.3, -1.6, 11.3), "black", "bow_gun", 0.0011)
    for y in (-1.3, 0.0, 1.3):
        vehicle.add(_spare_link(), 7.05, y, _on_glacis(7.05), "dark_grey", "glacis_spare_link", tilt=_GLACIS)
    for side, name in _SIDES:
        vehicle.add(brick(1, 1, 2), 5.5, 3.5 * side, 9, "green", f"{name}_headlight_base")
        vehicle.add(lamp(0.8), 5.98, 3.5 * side, 10, "lamp_white", f"{name}_headlight", tilt=FORWARD)
        vehicle.add(tile(1, 1, 1), 5.5, 4.5 * side, 9, "lamp_amber" if side > 0 else "red", f"{name}_fender_marker")


def _on_glacis(x: float) -> float:
    """The height in plates of the glacis at `x` studs."""
    return 12 - (x - 4.1) * 3.5 / 3.9


def _engine_deck(vehicle: Builder) -> None:
    vehicle.add(brick(3, 6, 3), -5.5, 0, 8, "green", "engine_deck")
    vehicle.add(slope(1, 6, 3, 1), -7.5, 0, 8, "green", "rear_slope", yaw=180)
    for side, name in _SIDES:
        vehicle.add(grille(2, 2), -6, 1.5 * side, 11.1, "black", f"{name}_engine_grille")
        vehicle.add(lamp(0.8), -7.98, 2.5 * side, 8.1, "lamp_red", f"{name}_tail_lamp", tilt=BACKWARD)
        corners = ((-7.6, 1.3 * side, 8.6), (-8.7, 1.3 * side, 8.6), (-8.9, 1.3 * side, 13.0))
        vehicle.add(pipe(corners, 0.0022), 0, 0, 0, "silver", f"{name}_exhaust")
    vehicle.add(round_brick(1.2, 3.4, stud=False), -8.86, 1.3, 9.6, "dark_grey", "left_muffler")
    vehicle.add(tile(0.9, 1.4, 0.4), -7.95, 0, 8.0, "white", "number_plate", tilt=BACKWARD)
    vehicle.rod((-6.9, -0.35, 11.5), (-4.6, -0.35, 11.5), "silver", "crowbar", 0.0010)


def _left_stowage(vehicle: Builder) -> None:
    vehicle.add(brick(3, 2, 2), -0.5, 4, 9, "brown", "left_tool_box")
    vehicle.add(tile(3, 2, 0.6), -0.5, 4, 11, "tan", "left_tool_box_lid")
    for x in (-1.4, 0.4):
        vehicle.add(tile(0.4, 0.3, 1), x, 5.06, 10.4, "silver", "tool_box_latch")
    vehicle.add(round_brick(1.8, 8, stud=False), -5.7, 4, 11.8, "tan", "fuel_drum", tilt=FORWARD)
    for x in (-5.1, -3.6):
        vehicle.add(ring(0.0070, 0.0076, 0.0022), x, 4, 11.8, "black", "drum_strap", tilt=FORWARD)
    vehicle.rod((1.4, 4.5, 9.85), (4.0, 4.5, 9.85), "brown", "shovel_shaft", 0.0010)
    vehicle.add(tile(1.0, 0.9, 0.4), 4.4, 4.5, 9.6, "silver", "shovel_blade")


def _right_stowage(vehicle: Builder) -> None:
    for x, colour in ((-5.5, "orange"), (-4.4, "orange"), (-3.3, "blue")):
        vehicle.add(brick(1, 2, 3), x, -4, 9, colour, "jerry_can")
        vehicle.add(round_brick(0.7, 1.2, stud=False), x, -4.5, 12, "black", "jerry_can_cap")
    vehicle.add(brick(2, 1, 2), -1, -4.5, 9, "brown", "right_tool_box")
    vehicle.add(hub(0.0070, 0.0060), 3.3, -4, 10.5, "tan", "spare_wheel", tilt=RIGHT)
    corners = ((-2.5, -4.0, 9.9), (-2.3, -3.4, 9.9), (1.3, -3.4, 9.9), (1.9, -4.0, 9.9), (1.9, -4.8, 9.9))
    vehicle.add(pipe(corners, 0.0010), 0, 0, 0, "black", "tow_cable")


def _mount(
    vehicle: Builder,
    mesh: Mesh,
    x: float,
    y: float,
    z: float,
    colour: str,
    name: str,
    yaw: float = 0.0,
    tilt: Matrix | None = None,
) -> None:
    """Adds a part in the turret's frame, whose z axis is the pivot."""
    at_x, at_y, at_z = _from_turret((x, y, z))
    vehicle.add(mesh, at_x, at_y, at_z, colour, name, _TURN + yaw, tilt)


def _from_turret(point: tuple[float, float, float]) -> tuple[float, float, float]:
    """A point of the turret's frame in the vehicle's; studs, studs, plates."""
    x, y, z = apply(rotation("z", _TURN), np.array([point]))[0]
    return float(x) + _PIVOT, float(y), float(z)


def _turret(vehicle: Builder) -> None:
    _mount(vehicle, round_brick(5.4, 1, stud=False), 0, 0, 12, "dark_grey", "turret_ring")
    _mount(vehicle, brick(4, 6, 3), -0.5, 0, 13, "green", "turret_body")
    _mount(vehicle, wedge(2, 6, 3.4, 3), 2.5, 0, 13, "green", "turret_front")
    _mount(vehicle, wedge(2, 6, 4, 3), -3.5, 0, 13, "green", "turret_back", yaw=180)
    _mount(vehicle, brick(4, 4, 2), -0.5, 0, 16, "tan", "turret_roof")
    _mount(vehicle, slope(2, 3, 2, 0.4, 0.2), 2.5, 0, 16, "green", "turret_roof_front")
    stripe = rotation("y", 19.6)
    _mount(vehicle, tile(1.3, 0.8, 0.4), 2.45, 0.7, 17.3, "white", "recognition_stripe", tilt=stripe)
    _mount(vehicle, slope(2, 4, 2, 0.4, 0.4), -3.5, 0, 16, "brown", "turret_roof_back", yaw=180)
    for side, name in _SIDES:
        _mount(vehicle, slope(1, 3, 2, 0.4), 0, 2.5 * side, 16, "green", f"turret_{name}_cheek", yaw=90 * side)


def _gun(vehicle: Builder) -> None:
    """The gun, raised by four degrees."""
    _mount(vehicle, round_brick(1.5, 7, stud=False), 3.6, 1.4, 14.6, "dark_grey", "mantlet", tilt=RIGHT)
    for start, end, colour, name, radius in (
        (3.5, 6.0, "green", "gun_sleeve", 0.0040),
        (5.8, 9.6, "green", "gun_barrel", 0.0027),
        (7.3, 7.7, "white", "barrel_ring", 0.0031),
        (8.1, 8.5, "white", "barrel_ring", 0.0031),
    ):
        vehicle.rod(_from_turret((start, 0, _bore(start))), _from_turret((end, 0, _bore(end))), colour, name, radius)
    _mount(vehicle, _muzzle_brake(), 9.1, 0, _bore(9.1), "black", "muzzle_brake", tilt=rotation("y", 86))


def _bore(x: float) -> float:
    """The height in plates of the gun's axis at `x` studs before the pivot."""
    return 14.6 + (x - 3.5) * 2.5 * float(np.tan(np.radians(4)))


def _turret_top(vehicle: Builder) -> None:
    _mount(vehicle, ring(0.0060, 0.0088, 0.0048), -1, 1, 18.1, "green", "cupola")
    _mount(vehicle, round_brick(1.3, 4, stud=False), -1, 1, 18.1, "brown", "commander")
    _mount(vehicle, round_brick(1.1, 2.6, stud=False), -1, 1, 22.1, "yellow", "commander_head")
    _mount(vehicle, dome(1.2, 1.4), -1, 1, 24.4, "black", "commander_cap")
    _mount(vehicle, round_brick(1.9, 0.6, stud=False), -2.15, 1, 20.8, "green", "cupola_hatch", tilt=rotation("y", -75))
    _mount(vehicle, round_brick(1.9, 0.8, stud=False), -0.9, -1.1, 18, "green", "loader_hatch")
    _mount(vehicle, tile(0.9, 0.3, 0.6), -0.9, -1.1, 18.8, "black", "loader_hatch_handle")
    for y in (-1.5, -0.5):
        _mount(vehicle, tile(0.8, 0.7, 1.2), 1, y, 18, "glass", "periscope")
    _mount(vehicle, round_brick(0.6, 3, stud=False), 0.6, 1, 18, "dark_grey", "machine_gun_mount")
    _mount(vehicle, tile(1.8, 0.5, 1.2), 0.7, 1, 21, "black", "machine_gun")
    _mount(vehicle, tile(0.7, 0.5, 1.2), 0.7, 1.5, 21, "lime", "ammunition_box")
    vehicle.rod(_from_turret((1.5, 1, 21.6)), _from_turret((3.2, 1, 21.6)), "black", "machine_gun_barrel", 0.0008)
    _mount(vehicle, round_brick(0.8, 1.4, stud=False), -2, -2.5, 16, "black", "antenna_base")
    vehicle.rod(_from_turret((-2, -2.5, 17.3)), _from_turret((-2.5, -2.5, 28)), "dark_grey", "antenna", 0.0008)


def _turret_sides(vehicle: Builder) -> None:
    _mount(vehicle, round_brick(1.4, 10, stud=False), -5.1, 2, 15, "brown", "tarpaulin", tilt=RIGHT)
    for y in (1.3, -0.9):
        _mount(vehicle, ring(0.0054, 0.0060, 0.0020), -5.1, y, 15, "black", "tarpaulin_strap", tilt=RIGHT)
    _mount(vehicle, tile(2.2, 1, 0.3), -1.2, 2.97, 14.5, "white", "left_number_tile", tilt=LEFT)
    for x, value in ((-0.8, 2), (-1.6, 7)):
        _mount(vehicle, digit(value, 0.9), x, 3.08, 14.5, "black", "left_figure", yaw=180, tilt=RIGHT)
    for z in (13.5, 14.8, 16.1):
        aim = rotation("z", 25) @ rotation("y", 65)
        _mount(vehicle, round_brick(0.5, 2.6, stud=False), 0.5, 3.1, z, "dark_grey", "smoke_launcher", tilt=aim)
    _mount(vehicle, round_brick(1.15, 0.35, stud=False), -1.7, -2.97, 14.5, "yellow", "right_roundel", tilt=RIGHT)
    _mount(vehicle, round_brick(0.6, 0.35, stud=False), -1.7, -3.08, 14.5, "red", "right_roundel_core", tilt=RIGHT)
    for x in (-0.4, 0.9):
        _mount(vehicle, _spare_link(), x, -2.97, 14.5, "dark_grey", "turret_spare_link", tilt=RIGHT)
