"""A cab-over lorry with three axles and an open stake bed full of cargo."""

from __future__ import annotations

from pad_ros.synthesis.assembly import Assembly, rotation
from pad_ros.synthesis.bricks import (
    PLATE,
    STUD,
    brick,
    cone,
    dome,
    grille,
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
from pad_ros.synthesis.shapes import ring
from pad_ros.synthesis.vehicles.builder import BACKWARD, FORWARD, LEFT, RIGHT, SIDES, Builder

_ACROSS = rotation("z", 90)

_AXLE = 3.75  # plates
_DECK = 8.6  # plates: cab and bed stand here, clear of the wheels
_FLOOR = _DECK + 1
_SILL = _DECK + 3  # lower edge of the windows
_ROOF = _SILL + 5


def truck() -> Assembly:
    """The intact lorry: 20 studs (160 mm) long, wheels on z = 0, front towards +x."""
    lorry = Builder()
    _chassis(lorry)
    _tanks(lorry)
    _tail(lorry)
    _face(lorry)
    _cab(lorry)
    _cab_sides(lorry)
    _interior(lorry)
    _roof(lorry)
    _stacks(lorry)
    _bed(lorry)
    _tailgate(lorry)
    _crates(lorry)
    _pipes(lorry)
    return lorry.build("truck")


def _chassis(lorry: Builder) -> None:
    for side, name, _ in SIDES:
        lorry.add(tile(17.6, 0.8, 4.6), -0.9, side * 1.3, 4, "dark_grey", f"{name}_frame_rail")
    for x, width in ((6.4, 0.0100), (-4.1, 0.0125), (-7.7, 0.0125)):
        lorry.rod((x, -3.3, _AXLE), (x, 3.3, _AXLE), "light_grey", "axle", 0.002)
        for side, name, _ in SIDES:
            lorry.wheel(x, side * 3.2, _AXLE, 0.0117, width, "white" if x > 0 else "yellow")
            guard = mudguard(0.0139, 0.0125, 32, 148)
            lorry.add(guard, x, side * 3.2, _AXLE, "blue" if x > 0 else "black", f"{name}_mudguard")


def _tanks(lorry: Builder) -> None:
    """Between the wheels: the fuel tank on the left, the battery box and the tool box on the right."""
    lorry.add(round_brick(2.2, 10, stud=False), -1.7, 2.85, 5.6, "silver", "fuel_tank", tilt=FORWARD)
    strap = ring(1.08 * STUD, 1.2 * STUD, 0.4 * STUD)
    for x in (-1.0, 1.2):
        lorry.add(strap, x, 2.85, 5.6, "blue", "fuel_tank_strap", tilt=FORWARD)
    lorry.add(round_brick(0.9, 0.8, stud=False), 0.4, 3.85, 6.1, "red", "fuel_cap", tilt=LEFT)
    lorry.add(tile(2, 2, 4.2), 1.6, -2.75, 4.2, "yellow", "battery_box")
    lorry.add(grille(2, 1), 1.6, -3.72, 6.2, "black", "battery_grille", tilt=RIGHT)
    lorry.add(tile(2, 2, 3.6), -0.8, -2.75, 4.8, "red", "tool_box")
    lorry.add(tile(0.9, 0.4, 0.5), -0.8, -3.72, 6.4, "white", "tool_box_latch", tilt=RIGHT)


def _tail(lorry: Builder) -> None:
    lorry.add(tile(0.6, 7.6, 2), -9.9, 0, 5.4, "white", "tail_beam")
    for side, name, _ in SIDES:
        for y, colour, lens in ((3.2, "lamp_red", "tail"), (2.3, "lamp_amber", "turn")):
            lorry.add(lamp(0.8), -10.2, side * y, 6.4, colour, f"{name}_{lens}_lamp", tilt=BACKWARD)
        lorry.add(tile(0.25, 1.5, 4.4), -9.72, side * 3.1, 1.2, "black", f"{name}_mud_flap")
    lorry.add(tile(0.9, 1.5, 0.5), -10.2, 0, 6.4, "yellow", "rear_number_plate", tilt=BACKWARD)
    lorry.rod((-9.6, 0, 4.6), (-11.0, 0, 4.6), "dark_grey", "tow_bar")
    lorry.add(dome(0.9, 1.2), -10.9, 0, 4.8, "silver", "tow_ball")


def _face(lorry: Builder) -> None:
    lorry.add(brick(1, 8, 4), 8.5, 0, 4.6, "blue", "nose")
    lorry.add(brick(1, 8), 8.5, 0, _DECK, "blue", "front_panel")
    lorry.add(tile(1, 8, 2.4), 9.2, 0, 2.2, "white", "bumper")
    lorry.add(tile(2.3, 4.4, 0.6), 9, 0, 7.75, "white", "radiator_frame", tilt=FORWARD)
    lorry.add(grille(4, 2), 9.2, 0, 7.75, "black", "radiator", tilt=FORWARD @ _ACROSS)
    lorry.add(tile(0.4, 8, 0.4), 9, 0, 11.0, "orange", "front_stripe", tilt=FORWARD)
    lorry.add(round_brick(1, 0.6, stud=False), 9.05, 0, 11.0, "yellow", "badge", tilt=FORWARD)
    for side, name, _ in SIDES:
        lorry.add(lamp(1.3), 9, side * 3.1, 7.4, "lamp_white", f"{name}_headlight", tilt=FORWARD)
        lorry.add(lamp(0.7), 9, side * 3.4, 9.6, "lamp_amber", f"{name}_indicator", tilt=FORWARD)
    lorry.add(tile(0.7, 2, 0.5), 9.7, 0, 3.5, "yellow", "front_number_plate", tilt=FORWARD)


def _cab(lorry: Builder) -> None:
    lorry.add(brick(3, 6, 1), 6.5, 0, _DECK, "dark_grey", "cab_floor")
    lorry.add(brick(1, 8), 4.5, 0, _DECK, "blue", "cab_back")
    lorry.add(windscreen(0.5, 7, 5), 8.6, 0, _SILL, "glass", "windscreen")
    lorry.add(pane_frame(6, 5, 0.5, 0.4), 4.5, 0, _SILL, "white", "rear_window", yaw=90)
    for side, name, _ in SIDES:
        lorry.rod((8.65, side * 3.72, _SILL), (8.2, side * 3.72, _ROOF), "blue", f"{name}_a_pillar", 0.0022)
        lorry.add(brick(1, 1, 5), 4.5, side * 3.5, _SILL, "blue", f"{name}_b_pillar")
        lorry.rod((8.85, side * 1.7, 11.7), (8.75, side * 0.1, 14.6), "black", f"{name}_wiper", 0.0006)


def _cab_sides(lorry: Builder) -> None:
    for side, name, outwards in SIDES:
        lorry.add(brick(3, 1), 6.5, side * 3.5, _DECK, "blue", f"{name}_door")
        lorry.add(tile(0.7, 0.3, 0.5), 5.6, side * 3.98, 11.0, "black", f"{name}_door_handle", tilt=outwards)
        lorry.add(tile(0.9, 1.8, 4.4), 4.4, side * 2.9, 4.2, "blue", f"{name}_cab_corner")
        lorry.add(tile(0.8, 0.8, 0.6), 4.4, side * 3.9, 4.6, "silver", f"{name}_step")
        lorry.rod((8.4, side * 3.7, 15.6), (8.8, side * 4.7, 15.6), "black", f"{name}_mirror_arm", 0.0010)
        lorry.add(tile(0.4, 0.9, 4), 8.8, side * 4.8, 12.6, "black", f"{name}_mirror")
    lorry.add(tile(2, 0.8, 0.4), 6.7, 3.98, 9.8, "orange", "left_door_sign", tilt=LEFT)
    lorry.add(round_brick(1.2, 0.5, stud=False), 6.6, -3.98, 10.0, "yellow", "right_door_sign", tilt=RIGHT)


def _interior(lorry: Builder) -> None:
    for side, name, _ in SIDES:
        lorry.add(brick(2, 2), 6, side * 1.5, _FLOOR, "tan", f"{name}_seat")
        lorry.add(tile(0.5, 1.8, 4), 5.4, side * 1.5, _FLOOR + 3, "tan", f"{name}_backrest")
    lorry.rod((8.2, 1.5, 11.4), (7.55, 1.5, 12.9), "black", "steering_column", 0.0010)
    lorry.add(steering_wheel(1.5), 7.55, 1.5, 12.9, "black", "steering_wheel", tilt=rotation("y", -50))


def _roof(lorry: Builder) -> None:
    top = _ROOF + 1
    lorry.add(brick(5, 8, 1), 6.5, 0, _ROOF, "blue", "roof")
    lorry.add(slope(3, 6, 4.6, 0.6, 0.6), 5.5, 0, top, "white", "roof_deflector")
    lorry.add(tile(2, 4, 0.4), 4, 0, top + 2.5, "orange", "deflector_sign", tilt=BACKWARD)
    for y, colour in ((2.5, "orange"), (1.9, "blue")):
        lorry.add(tile(2.2, 0.4, 0.4), 5.8, y, top + 2.55, colour, "deflector_stripe", tilt=rotation("y", 33.7))
    lorry.add(tile(1, 2, 0.4), 5.8, -1.5, top + 2.55, "yellow", "deflector_number", tilt=rotation("y", 33.7))
    for y in (-2.2, 0, 2.2):
        lorry.add(lamp(0.7), 9.0, y, _ROOF + 0.5, "lamp_amber", "marker_lamp", tilt=FORWARD)
    for y in (-0.5, 0.5):
        lorry.add(cone(0.8, 5.5), 8.7, y, top + 1.2, "silver", "air_horn", tilt=BACKWARD)
    lorry.add(round_brick(1, 2, stud=False), 7.5, 3.5, top, "lamp_amber", "beacon")
    lorry.rod((4.5, -3.5, top), (4.2, -3.5, top + 7), "black", "antenna", 0.0008)


def _stacks(lorry: Builder) -> None:
    """Behind the cab: a stack on either side, the intake with its filter in the middle."""
    lorry.add(brick(1, 8, 1), 3.5, 0, _DECK, "yellow", "catwalk")
    for side, name, _ in SIDES:
        lorry.add(round_brick(1, 7, stud=False), 3.5, side * 3.4, _FLOOR, "dark_grey", f"{name}_silencer")
        lorry.add(pipe(((0, 0, 0), (0, 0, 7), (-0.6, 0, 9)), 0.0022), 3.5, side * 3.4, 16.4, "silver", f"{name}_stack")
    lorry.add(round_brick(1, 5), 3.5, -1.5, _FLOOR, "orange", "air_filter")
    lorry.add(round_brick(1, 3), 3.5, 1.5, _FLOOR, "white", "oil_tank")


def _bed(lorry: Builder) -> None:
    lorry.add(brick(6, 8, 1), 0, 0, _DECK, "tan", "front_bed_floor")
    lorry.add(brick(7, 8, 1), -6.5, 0, _DECK, "tan", "rear_bed_floor")
    for side, name, _ in SIDES:
        for x in (2.5, -0.5, -3.5, -6.5, -9.5):
            lorry.add(tile(0.6, 0.5, 8), x, side * 3.6, _FLOOR, "blue", f"{name}_stake")
        for z, part in ((10.2, "low"), (13.1, "middle"), (16.0, "top")):
            lorry.add(tile(12.9, 0.25, 1.2), -3.5, side * 3.98, z, "orange", f"{name}_{part}_rail")
    for z in (12, 15.6):
        lorry.add(tile(0.3, 6.6, 1.6), 2.5, 0, z, "orange", "headboard_rail")
    lorry.add(tile(2.7, 1.1, 0.4), -2, 4.1, 14.2, "white", "left_rail_sign", tilt=LEFT)
    for x in (-8.5, -5.5):
        lorry.add(tile(1, 0.7, 0.4), x, -4.1, 13.7, "yellow", "right_rail_reflector", tilt=RIGHT)


def _tailgate(lorry: Builder) -> None:
    lorry.add(tile(0.24, 7.6, 3.4), -9.93, 0, _FLOOR, "orange", "tailgate")
    for y in (-2.4, 0, 2.4):
        lorry.add(tile(1.1, 1.0, 0.3), -10.04, y, 11.4, "white", "tailgate_stripe", tilt=BACKWARD)


def _crates(lorry: Builder) -> None:
    lorry.add(brick(3, 3, 5), 0.5, 1.5, _FLOOR, "brown", "large_crate")
    lorry.add(tile(1.6, 1.6, 0.6), 0.4, 1.4, _FLOOR + 5.4, "white", "crate_label")
    lorry.add(brick(2, 2, 3), -2, 2, _FLOOR, "lime", "small_crate")
    lorry.add(brick(1, 2, 2), -2.5, 2, _FLOOR + 3, "azure", "parcel")
    for x, y, colour in ((-4.5, 1.8, "green"), (-6.8, 1.8, "red")):
        lorry.add(round_brick(2, 5), x, y, _FLOOR, colour, "barrel")
        lorry.add(ring(0.97 * STUD, 1.08 * STUD, 0.6 * PLATE), x, y, _FLOOR + 2.3, "white", "barrel_hoop")
    lorry.add(cone(1.2, 5), -8.4, 2.4, _FLOOR, "orange", "traffic_cone")
    lorry.add(brick(1, 2, 2), -8.5, 0.5, _FLOOR, "yellow", "tool_case")


def _pipes(lorry: Builder) -> None:
    radius = 0.5 * STUD
    mesh = ring(0.65 * radius, 0.98 * radius, 10 * STUD)
    low = _FLOOR + 0.55 + 1.25  # plates: lying on the studs
    for y, colour in ((-0.7, "light_grey"), (-1.7, "light_grey"), (-2.7, "yellow")):
        lorry.add(mesh, -8.3, y, low, colour, "pipe", tilt=FORWARD)
    lorry.add(mesh, -8.6, -1.2, low + 2.165, "azure", "pipe", tilt=FORWARD)
