"""A police off-roader: light bar, open windows, push bar, roof rack, cage and equipment, all of thin parts."""

from __future__ import annotations

import numpy as np

from pad_ros.synthesis.assembly import Assembly, Mesh, rotation
from pad_ros.synthesis.bricks import (
    arch,
    brick,
    cone,
    digit,
    dome,
    grille,
    hinge,
    ladder,
    lamp,
    mudguard,
    pane_frame,
    pipe,
    round_brick,
    slope,
    steering_wheel,
    tile,
)
from pad_ros.synthesis.vehicles.builder import BACKWARD, FORWARD, LEFT, RIGHT, Builder

_ACROSS = FORWARD @ rotation("z", 90)  # looks ahead, its length across the car
_SIDES = ((1, "left"), (-1, "right"))
_SILL, _ROOF = 10.0, 18.0  # plates
_LEAN = 8.0  # degrees that the side windows lean inwards


def police_car() -> Assembly:
    """The intact car: 20 studs (157 mm) long, wheels on z = 0, front towards +x."""
    car = Builder()
    _chassis(car)
    _wheels(car)
    _bonnet(car)
    _face(car)
    _push_bar(car)
    _doors(car)
    _left_marks(car)
    _right_marks(car)
    _windows(car)
    _windscreen(car)
    _seats(car)
    _dashboard(car)
    _roof(car)
    _light_bar(car)
    _rack(car)
    _cargo(car)
    _tail(car)
    _hatch(car)
    return car.build("police_car")


def _chassis(car: Builder) -> None:
    car.add(brick(11, 4, 1), 2.5, 0, 3.5, "dark_grey", "chassis")
    car.add(brick(6, 6, 1), 0, 0, 4.5, "dark_grey", "floor")
    for side, name in _SIDES:
        car.add(brick(5, 1, 1), -5.5, side * 1.5, 3.5, "dark_grey", f"{name}_frame_beam")
        step = pipe(((-2.6, 0, 1.0), (-2.6, side * 0.8, 0), (2.6, side * 0.8, 0), (2.6, 0, 1.0)), 0.0013)
        car.add(step, 0, side * 3.6, 3.2, "silver", f"{name}_side_step")
        for x in (3.3, -7.7):
            car.add(tile(0.15, 1.1, 2.6), x, side * 3.3, 1.0, "black", f"{name}_mud_flap")
    car.rod((-6.9, -2.1, 3.3), (-9.0, -2.1, 2.8), "silver", "outer_exhaust", 0.0015)
    car.rod((-6.9, -1.6, 3.3), (-9.0, -1.6, 2.8), "silver", "inner_exhaust", 0.0015)


def _wheels(car: Builder) -> None:
    for x, end in ((5.5, "front"), (-5.5, "rear")):
        car.rod((x, -3.4, 3.6), (x, 3.4, 3.6), "light_grey", f"{end}_axle", 0.0018)
        for side, name in _SIDES:
            car.wheel(x, side * 3.25, 3.68, 0.0115, 0.0105, "silver")
            car.add(arch(5, 1, 5.5, 1.6), x, side * 3.5, 3.5, "blue", f"{end}_{name}_wing")
            car.add(mudguard(0.0122, 0.0028, 4, 176), x, side * 4.1, 3.5, "black", f"{end}_{name}_flare")


def _bonnet(car: Builder) -> None:
    car.add(brick(4, 6, 1), 5, 0, 8, "white", "bonnet")
    car.add(brick(3, 4, 1), 4.5, 0, 9, "blue", "bonnet_panel")
    car.add(slope(2, 4, 1, 0.2, 0.1), 7.0, 0, 9, "blue", "bonnet_nose")
    car.add(tile(2, 2, 0.8), 5.0, 0, 10, "white", "bonnet_plate")
    for y, value in ((-0.45, 2), (0.45, 4)):
        car.add(digit(value, 1.25), 5.0, y, 10.75, "blue", "bonnet_number", yaw=90)
    for y in (-1.5, 1.5):
        car.add(grille(1, 1), 3.5, y, 10.1, "black", "bonnet_vent")
    for side, name in _SIDES:
        car.add(round_brick(0.8, 0.9, stud=False), 6.5, side * 2.5, 9, "silver", f"{name}_bonnet_pin")
    car.rod((3.5, -3.5, 9.5), (2.9, -3.7, 19.0), "black", "wing_antenna", 0.0007)
    car.add(round_brick(0.6, 1.0, stud=False), 3.5, -3.5, 9.0, "black", "wing_antenna_foot")
    car.add(tile(2, 1, 0.8), 6.5, 3.5, 9.0, "yellow", "wing_number")


def _face(car: Builder) -> None:
    car.add(tile(1, 6, 5.45), 7.54, 0, 3.55, "white", "nose")  # in front of the chassis, not level with it
    car.add(grille(3, 1), 8.0, 0, 6.6, "black", "radiator", tilt=_ACROSS)
    car.add(round_brick(0.7, 0.5, stud=False), 8.3, 0, 7.0, "yellow", "star", tilt=FORWARD)
    for side, name in _SIDES:
        car.add(lamp(1.05), 8.0, side * 2.2, 6.6, "lamp_white", f"{name}_headlight", tilt=FORWARD)
        car.add(lamp(0.6), 8.0, side * 3.5, 7.2, "lamp_amber", f"{name}_indicator", tilt=FORWARD)
        car.add(lamp(0.6), 9.0, side * 3.3, 4.25, "lamp_white", f"{name}_fog_lamp", tilt=FORWARD)
        hook = pipe(((0, -0.25, 0), (0.5, -0.25, 0), (0.5, 0.25, 0), (0, 0.25, 0)), 0.0008)
        car.add(hook, 8.9, side * 2.4, 3.9, "red", f"{name}_tow_hook")
    car.add(tile(1, 8, 1.5), 8.5, 0, 3.5, "black", "bumper")


def _push_bar(car: Builder) -> None:
    hoop = pipe(((0, -1.8, 3.4), (0, -1.8, 9.6), (0, 1.8, 9.6), (0, 1.8, 3.4)))
    car.add(hoop, 9.2, 0, 0, "black", "push_bar")
    for z in (6.0, 8.0):
        car.rod((9.2, -1.8, z), (9.2, 1.8, z), "black", "push_bar_cross", 0.0011)
    for y in (-0.7, 0.7):
        car.rod((9.2, y, 3.9), (9.2, y, 9.6), "black", "push_bar_post", 0.0011)
    for side, name in _SIDES:
        guard = pipe(((9.2, side * 1.8, 8.2), (8.8, side * 3.5, 8.2), (8.8, side * 3.5, 5.0)), 0.0011)
        car.add(guard, 0, 0, 0, "black", f"{name}_lamp_guard")
        car.add(tile(0.9, 0.5, 1), 9.35, side * 1.8, 6.6, "dark_grey", f"{name}_push_pad", tilt=FORWARD)
        colour = "lamp_red" if side > 0 else "blue"
        car.add(dome(0.7, 1.4), 9.2, side * 1.2, 10.0, colour, f"{name}_push_bar_strobe")
    car.add(tile(0.7, 1.9, 0.4), 9.3, 0, 4.9, "white", "front_number_plate", tilt=FORWARD)
    car.add(round_brick(0.9, 1.5, stud=False), 9.0, 1.25, 7.0, "dark_grey", "siren", tilt=FORWARD)


def _doors(car: Builder) -> None:
    for side, name in _SIDES:
        for x, door in ((1.5, "front"), (-1.5, "rear")):
            car.add(tile(3, 1, 5), x, side * 3.5, 4, "white", f"{name}_{door}_door")
            car.add(tile(3, 1, 1), x, side * 3.5, 9, "black", f"{name}_{door}_sill")
            grip = pipe(((-0.4, 0, 0), (-0.4, side * 0.3, 0), (0.4, side * 0.3, 0), (0.4, 0, 0)), 0.0006)
            car.add(grip, x - 0.8, side * 3.95, 8.5, "silver", f"{name}_{door}_handle")
        car.add(brick(5, 1, 1), -5.5, side * 3.5, 9, "white", f"{name}_rear_sill")
        car.rod((2.5, side * 3.6, 10.2), (2.5, side * 4.5, 11.0), "black", f"{name}_mirror_stalk", 0.0008)
        car.add(tile(0.4, 0.8, 2.2), 2.5, side * 4.7, 10.6, "blue", f"{name}_mirror")
        car.add(tile(1.6 * 0.4, 0.6, 0.3), 2.3, side * 4.7, 11.7, "silver", f"{name}_mirror_glass", tilt=BACKWARD)


def _left_marks(car: Builder) -> None:
    """Two rows of blue and yellow fields, and a number on the rear wing."""
    for row, z in enumerate((7.3, 5.7)):
        for column in range(6):
            colour = ("blue", "yellow")[(row + column) % 2]
            car.add(tile(1, 0.64, 0.4), 2.5 - column, 3.98, z, colour, "left_field", tilt=LEFT)
    for x in (-7.5, -3.5):
        car.add(tile(0.6, 0.5, 0.4), x, 3.98, 5.0, "lamp_amber", "left_reflector", tilt=LEFT)
    for x in (3.5, 7.5):
        car.add(tile(0.5, 1.0, 0.4), x, 3.98, 6.0, "yellow", "left_wing_mark", tilt=LEFT)


def _right_marks(car: Builder) -> None:
    """A blue stripe above a red one, a star and lettering."""
    for x, door in ((1.5, "front"), (-1.5, "rear")):
        car.add(tile(3, 0.35, 0.4), x, -3.98, 4.8, "red", f"right_{door}_stripe", tilt=RIGHT)
    car.add(tile(3, 0.5, 0.4), -1.5, -3.98, 5.9, "blue", "right_rear_broad_stripe", tilt=RIGHT)
    for letter in range(5):
        car.add(tile(0.38, 0.6, 0.4), -0.4 - 0.52 * letter, -3.98, 7.3, "black", "letter", tilt=RIGHT)
    car.add(round_brick(1.4, 0.5, stud=False), 1.7, -3.98, 6.9, "yellow", "right_badge", tilt=RIGHT)
    car.add(round_brick(0.7, 0.8, stud=False), 1.7, -3.98, 6.9, "blue", "right_badge_middle", tilt=RIGHT)
    car.add(round_brick(0.8, 0.5, stud=False), -3.5, -3.98, 6.8, "black", "fuel_cap", tilt=RIGHT)
    car.add(tile(0.6, 0.5, 0.4), -7.5, -3.98, 5.0, "lamp_amber", "right_reflector", tilt=RIGHT)
    car.add(tile(0.6, 0.8, 0.4), 7.5, -3.98, 5.6, "red", "right_wing_mark", tilt=RIGHT)


def _pane(car: Builder, mesh: Mesh, side: int, x: float, up: float, colour: str, name: str) -> None:
    """Adds something in the leaning plane of a side's windows, `up` plates above the sill."""
    y = 3.5 - 0.4 * up * np.sin(np.radians(_LEAN))
    z = _SILL + up * np.cos(np.radians(_LEAN))
    car.add(mesh, x, side * y, z, colour, name, tilt=rotation("x", side * _LEAN))


def _windows(car: Builder) -> None:
    for side, name in _SIDES:
        for x, length, place in ((0.3, 2.4, "front"), (-2.15, 2.4, "rear"), (-5.4, 4.0, "cargo")):
            colour = "black" if place != "cargo" else "white"
            _pane(car, pane_frame(length, 8, 0.4, 0.3), side, x, 0, colour, f"{name}_{place}_window")
        car.rod((2.85, side * 3.5, 10), (1.4, side * 3.1, _ROOF + 0.2), "white", f"{name}_a_pillar", 0.0014)
    _pane(car, tile(1.8, 0.14, 2.6), 1, -2.15, 0.7, "glass", "left_rear_pane")
    _pane(car, tile(1.8, 0.14, 3.4), -1, 0.3, 0.7, "glass", "right_front_pane")
    for x in (-6.4, -5.73, -5.07, -4.4):
        _pane(car, pipe(((0, 0, 0.5), (0, 0, 7.5)), 0.0007), 1, x, 0, "dark_grey", "left_window_bar")
    for up in (2.8, 5.0):
        _pane(car, pipe(((-1.8, 0, 0), (1.8, 0, 0)), 0.0007), -1, -5.4, up, "dark_grey", "right_window_bar")


def _windscreen(car: Builder) -> None:
    car.add(tile(1, 6, 1), 2.5, 0, 9, "black", "cowl")
    lean = rotation("y", -22) @ rotation("z", 90)
    car.add(pane_frame(6.2, 8.5, 0.25, 0.3), 2.75, 0, 10, "white", "windscreen_frame", tilt=lean)
    for y in (0.6, -1.9):
        car.rod((2.95, y, 10.2), (2.3, y + 1.5, 13.8), "black", "wiper", 0.0006)
    car.add(tile(0.3, 1.6, 1.4), 1.4, 0, 16.2, "black", "rear_view_mirror")
    car.rod((3.0, 3.3, 10.0), (3.2, 3.9, 11.6), "black", "spotlight_arm", 0.0008)
    car.add(round_brick(0.8, 1.2, stud=False), 3.0, 4.0, 12.2, "silver", "spotlight", tilt=FORWARD)
    car.add(lamp(0.8), 3.48, 4.0, 12.2, "lamp_white", "spotlight_glass", tilt=FORWARD)


def _seats(car: Builder) -> None:
    recline = rotation("y", -10)
    for side, name in _SIDES:
        car.add(brick(2, 2, 1.5), 0.4, side * 1.5, 5.5, "tan", f"{name}_seat")
        car.add(tile(0.5, 1.8, 4.8), -0.5, side * 1.5, 6.6, "tan", f"{name}_backrest", tilt=recline)
        car.add(tile(0.4, 1.0, 1.5), -0.95, side * 1.5, 11.7, "black", f"{name}_headrest", tilt=recline)
    car.add(brick(1, 5, 1.5), -2.0, 0, 5.5, "brown", "rear_bench")
    car.add(tile(0.5, 5, 4.5), -2.7, 0, 6.0, "brown", "rear_backrest")
    car.add(tile(1.6, 0.7, 2), 0.4, 0, 5.5, "black", "console")
    car.rod((1.4, 0, 5.5), (1.1, 0, 9.0), "silver", "gear_lever", 0.0006)
    car.add(round_brick(0.45, 1, stud=False), 1.1, 0, 8.9, "red", "gear_knob")


def _dashboard(car: Builder) -> None:
    car.add(brick(1, 6, 3.5), 2.5, 0, 5.5, "dark_grey", "dashboard")
    car.rod((2.0, 1.5, 8.2), (1.35, 1.5, 9.6), "dark_grey", "steering_column", 0.0009)
    car.add(steering_wheel(1.5), 1.35, 1.5, 9.5, "black", "steering_wheel", tilt=rotation("y", -50))
    car.add(tile(0.5, 1.4, 1), 2.4, 1.5, 10, "light_grey", "instruments")
    car.add(tile(0.9, 1.0, 1.2), 2.5, -0.3, 10, "azure", "radio")
    handset = pipe(((0, 0, 0), (-0.3, 0, 1.2), (-0.3, -0.5, 1.5)), 0.0006)
    car.add(handset, 2.2, -0.6, 11.0, "red", "radio_handset")
    car.add(tile(1.2, 1.4, 0.5), 1.35, -1.6, 9.2, "dark_grey", "laptop")
    car.add(tile(0.2, 1.4, 2.6), 1.7, -1.6, 9.6, "lime", "laptop_screen", tilt=rotation("y", 15))


def _roof(car: Builder) -> None:
    for side, name in _SIDES:
        car.add(brick(9, 1, 1), -3.0, side * 3.0, _ROOF, "white", f"{name}_roof_rail")
    car.add(brick(3, 5, 1), 0, 0, _ROOF, "white", "roof")
    car.add(brick(1, 5, 1), -4, 0, _ROOF, "white", "middle_roof_beam")
    car.add(tile(1, 5, 1), -7, 0, _ROOF, "blue", "rear_roof_beam")
    car.add(slope(0.6, 7, 1, 0.3, 0.1), 1.8, 0, _ROOF, "blue", "sun_visor")
    car.add(dome(1.6, 2.5), -1.0, -1.2, _ROOF + 1, "white", "radar_dome")
    car.add(round_brick(0.7, 1, stud=False), -1.0, 1.5, _ROOF + 1, "dark_grey", "roof_antenna_foot")
    car.rod((-1.0, 1.5, _ROOF + 1.8), (-1.7, 1.5, _ROOF + 11), "dark_grey", "roof_antenna", 0.0007)


def _light_bar(car: Builder) -> None:
    x, z = 0.5, _ROOF + 1
    for side, name in _SIDES:
        car.add(round_brick(0.8, 1, stud=False), x, side * 2.0, z, "dark_grey", f"{name}_light_bar_foot")
        car.add(lamp(0.55), x + 0.5, side * 0.5, z + 1.4, "lamp_white", f"{name}_take_down_lamp", tilt=FORWARD)
    car.add(tile(1.1, 6.4, 0.9), x, 0, z + 1, "black", "light_bar")
    for index in range(6):
        colour = ("lamp_red", "blue")[index % 2]
        car.add(tile(0.95, 0.98, 1.5), x, 2.6 - 1.04 * index, z + 1.9, colour, "beacon")


def _rack(car: Builder) -> None:
    top = _ROOF + 3.6
    for side, name in _SIDES:
        rail = pipe(((-1.8, 0, -2.6), (-1.8, 0, 0), (-7.3, 0, 0), (-7.3, 0, -2.6)), 0.0010)
        car.add(rail, 0, side * 2.8, top, "black", f"{name}_rack_rail")
        for x in (-3.6, -5.5):
            car.rod((x, side * 2.8, _ROOF + 0.9), (x, side * 2.8, top), "black", f"{name}_rack_post", 0.0009)
    for x in (-2.1, -3.4, -4.7, -6.0, -7.0):
        car.rod((x, -2.8, top), (x, 2.8, top), "black", "rack_bar", 0.0008)
    car.add(ladder(5.4, 1.2, 7), -7.3, -1.6, top + 0.5, "silver", "roof_ladder", tilt=FORWARD)
    car.add(brick(2, 2, 2), -4.0, 1.2, top + 0.25, "azure", "roof_case")
    car.add(tile(1.6, 0.8, 0.8), -4.0, 1.2, top + 2.25, "white", "roof_case_label")
    car.rod((-7.2, 1.2, top + 0.8), (-5.4, 1.2, top + 0.8), "orange", "rolled_mat", 0.0026)


def _cargo(car: Builder) -> None:
    for x in (-3.9, -4.6, -5.3, -6.0, -6.7):
        car.rod((x, -3.05, 8.5), (x, 3.05, 8.5), "light_grey", "deck_bar", 0.0010)
    for y in (-2.0, -1.0, 0.0, 1.0, 2.0):
        car.rod((-3.3, y, 5.4), (-3.3, y, _ROOF + 0.2), "dark_grey", "cage_bar", 0.0007)
    for z in (11.0, 14.0):
        car.rod((-3.3, -2.9, z), (-3.3, 2.9, z), "dark_grey", "cage_cross_bar", 0.0007)
    car.add(brick(2, 2, 2), -4.6, 1.6, 8.8, "yellow", "equipment_case")
    car.add(tile(0.9, 0.9, 0.8), -4.1, 2.1, 10.8, "white", "case_label")
    car.add(cone(1.2, 4), -6.4, 1.2, 8.8, "orange", "traffic_cone")
    car.add(round_brick(0.8, 4), -6.3, -1.9, 8.8, "red", "fire_extinguisher")
    car.add(round_brick(0.4, 1, stud=False), -6.3, -1.9, 13.3, "black", "extinguisher_valve")
    car.add(brick(1, 2, 2), -4.5, -1.6, 8.8, "green", "first_aid_case")
    car.add(tile(0.8, 1.8, 0.8), -4.5, -1.6, 10.8, "white", "first_aid_mark")


def _tail(car: Builder) -> None:
    car.add(tile(1, 6, 5.45), -7.54, 0, 3.55, "blue", "tailgate")  # likewise behind the frame
    for index in range(6):
        colour = ("red", "yellow")[index % 2]
        car.add(tile(0.9, 0.7, 0.4), -7.98, 2.0 - 0.8 * index, 7.6, colour, "tail_field", tilt=BACKWARD)
    for side, name in _SIDES:
        car.add(tile(1.4, 0.6, 0.6), -7.98, side * 3.5, 7.0, "lamp_red", f"{name}_tail_lamp", tilt=BACKWARD)
        car.add(lamp(0.55), -8.0, side * 3.5, 4.5, "lamp_white", f"{name}_reversing_lamp", tilt=BACKWARD)
    car.add(brick(1, 8, 1), -8.5, 0, 3.0, "black", "rear_bumper")
    car.add(tile(0.7, 1.8, 0.4), -7.98, 0.9, 5.3, "white", "rear_number_plate", tilt=BACKWARD)
    car.add(
        pipe(((0, -0.4, 0), (-0.3, -0.4, 0), (-0.3, 0.4, 0), (0, 0.4, 0)), 0.0006), -7.9, -1.0, 5.6, "black", "latch"
    )
    car.rod((-8.9, 0, 3.4), (-9.6, 0, 3.4), "dark_grey", "tow_bar", 0.0010)
    car.add(dome(0.6, 1.4), -9.6, 0, 3.4, "silver", "tow_ball")
    side_ladder = rotation("x", -5) @ rotation("z", 90)
    car.add(ladder(5.6, 1.2, 7), -6.3, -4.25, 6.3, "light_grey", "side_ladder", tilt=side_ladder)


def _hatch(car: Builder) -> None:
    car.add(hinge(3, 0.5), -7.3, 0, _ROOF + 1.0, "light_grey", "hatch_hinge")
    raised = rotation("y", -66) @ rotation("z", 90)
    car.add(pane_frame(5.4, 6.5, 0.3, 0.35), -7.5, 0, _ROOF + 0.6, "blue", "hatch", tilt=raised)
    for side, name in _SIDES:
        car.rod((-7.6, side * 2.9, 9.0), (-7.4, side * 2.9, _ROOF + 0.1), "white", f"{name}_rear_pillar", 0.0013)
        car.rod((-7.5, side * 2.7, 12.5), (-9.1, side * 2.6, _ROOF + 2.2), "silver", f"{name}_gas_strut", 0.0006)
