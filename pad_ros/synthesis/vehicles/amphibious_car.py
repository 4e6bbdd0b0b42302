"""A car-boat: a hull with wheels in wells, propellers, rudder, railings and an open cockpit."""

from __future__ import annotations

from functools import cache

import numpy as np

from pad_ros.synthesis.assembly import Assembly, Mesh, Points, join, rotation
from pad_ros.synthesis.bricks import (
    PLATE,
    STUD,
    brick,
    curved_slope,
    dome,
    grille,
    inverted_slope,
    lamp,
    pipe,
    propeller,
    round_brick,
    steering_wheel,
    tile,
    wedge,
    windscreen,
)
from pad_ros.synthesis.shapes import BEVEL, lathe, prism, sector
from pad_ros.synthesis.vehicles.builder import BACKWARD, FORWARD, LEFT, RIGHT, SIDES, Builder

_AXLE = 3.5  # plates
_WATERLINE = 4.2  # plates: the azure bottom below, the lime hull above
_DECK = 7.2
_TOP = _DECK + 1
_Corners = tuple[tuple[float, float], ...]


def amphibious_car() -> Assembly:
    """The intact car-boat: 17 studs (136 mm) long, wheels on z = 0, bow towards +x."""
    boat = Builder()
    _hull(boat)
    _wheels(boat)
    _deck(boat)
    _bulwark(boat)
    _sides(boat)
    _cockpit(boat)
    _screen(boat)
    _bow(boat)
    _stern(boat)
    _mast(boat)
    _rescue(boat)
    return boat.build("amphibious_car")


@cache
def _loft(bottom: _Corners, top: _Corners, height: float) -> Mesh:
    """A solid between two outlines of as many corners (studs, counter-clockwise from above), `height` in plates."""
    low, high = np.array(bottom) * STUD, np.array(top) * STUD  # [N, 2]
    rings = [(low, 0.0, True), (low, BEVEL, False), (high, height * PLATE - BEVEL, False), (high, height * PLATE, True)]
    points = np.concatenate([_ring_at(outline, z, inset) for outline, z, inset in rings])
    count = len(low)
    index = np.arange(4 * count).reshape(4, count)
    a, b = index[:-1], index[1:]
    after_a, after_b = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
    sides = [np.stack([a, after_a, after_b], axis=-1), np.stack([a, after_b, b], axis=-1)]
    fan = np.arange(1, count - 1)
    caps = [
        np.stack([np.zeros_like(fan), fan + 1, fan], axis=-1),
        np.stack([np.full_like(fan, 3 * count), 3 * count + fan, 3 * count + fan + 1], axis=-1),
    ]
    return Mesh(points, np.concatenate([t.reshape(-1, 3) for t in [*sides, *caps]]).astype(np.int32))


def _ring_at(outline: Points, z: float, inset: bool) -> Points:
    """The outline [N, 2] at a height, drawn in towards its middle by about the bevel: [N, 3]."""
    middle = outline.mean(axis=0)
    away = outline - middle
    if inset:
        away = away * (1 - BEVEL / np.linalg.norm(away, axis=1, keepdims=True))
    return np.column_stack([middle + away, np.full(len(outline), z)])


def _hull(boat: Builder) -> None:
    middle = _loft(((-6.5, -2.2), (5, -2.2), (5, 2.2), (-6.5, 2.2)), ((-7, -3), (5, -3), (5, 3), (-7, 3)), 2.8)
    boat.add(middle, 0, 0, _WATERLINE - 2.8, "azure", "bottom")
    waterline = ((5.02, -3.0), (8.9, -0.4), (8.9, 0.4), (5.02, 3.0))
    keel = ((5.02, -2.2), (7.0, -0.3), (7.0, 0.3), (5.02, 2.2))
    boat.add(_loft(keel, waterline, 2.8), 0, 0, _WATERLINE - 2.8, "azure", "bow_bottom")
    rail = ((5.02, -3.0), (6.0, -2.9), (10.9, -0.45), (10.9, 0.45), (6.0, 2.9), (5.02, 3.0))
    foot = ((5.02, -3.0), (5.1, -2.95), (8.9, -0.4), (8.9, 0.4), (5.1, 2.95), (5.02, 3.0))
    boat.add(_loft(foot, rail, 3), 0, 0, _WATERLINE, "lime", "bow")
    for side, name, _ in SIDES:
        boat.add(brick(12, 1), -1, side * 2.5, _WATERLINE, "lime", f"{name}_hull")
        for x, yaw, part in ((1.5, 0, "front"), (-1.5, 180, "rear")):
            boat.add(inverted_slope(3, 1, 4, 1, 1.2), x, side * 3.5, 3.2, "lime", f"{name}_{part}_sponson", yaw)
    boat.add(brick(1, 4), -6.5, 0, _WATERLINE, "lime", "transom")


def _wheels(boat: Builder) -> None:
    for x in (4.6, -4.6):
        boat.rod((x, -3.7, _AXLE), (x, 3.7, _AXLE), "light_grey", "axle", 0.002)
        for side in (1, -1):
            boat.wheel(x, side * 3.85, _AXLE, 0.0109, 0.0105, "yellow")


def _deck(boat: Builder) -> None:
    boat.add(wedge(5, 6, 1), 8.5, 0, _DECK, "white", "bow_deck")
    boat.add(brick(3, 8, 1), 4.5, 0, _DECK, "white", "fore_deck")
    boat.add(brick(3, 8, 1), -5.5, 0, _DECK, "white", "aft_deck")
    for side, name, _ in SIDES:
        boat.add(brick(7, 2, 1), -0.5, side * 3, _DECK, "white", f"{name}_side_deck")
        boat.add(curved_slope(3, 1, 2.2, 0.4, 1.2), 4.55, side * 3.5, _TOP, "lime", f"{name}_front_fender")
        boat.add(curved_slope(3, 1, 2.2, 0.4, 1.2), -5.4, side * 3.5, _TOP, "lime", f"{name}_rear_fender", yaw=180)
        boat.rod((-6.9, side * 4.1, _DECK + 0.5), (6, side * 4.1, _DECK + 0.5), "black", f"{name}_rub_rail", 0.0012)


def _bulwark(boat: Builder) -> None:
    """Boards around the bow deck that rise towards the stem."""
    half, low, high = 2.8 * STUD, 1.6 * PLATE, 3.2 * PLATE
    board = prism(np.array([[-half, 0], [half, 0], [half, high], [-half, low]]), 0.4 * STUD)
    for side, name, _ in SIDES:
        yaw = -side * 26.6
        boat.add(board, 8.5, side * 1.97, _TOP - 0.8, "lime", f"{name}_bulwark", yaw)
        boat.rod((6.5, side * 3.28, 7.9), (11, side * 1.03, 7.9), "black", f"{name}_bow_rub_rail", 0.0010)
    boat.add(tile(0.5, 1.2, 4.2), 11.05, 0, 6.6, "azure", "stem")
    boat.add(tile(3, 0.4, 0.4), 8.1, 2.34, 9.15, "azure", "left_bow_stripe", -26.6, LEFT)
    for x, y in ((7.4, -2.69), (8.7, -2.04)):
        boat.add(tile(0.8, 0.4, 0.4), x, y, 9.15, "yellow", "right_bow_number", 26.6, RIGHT)


def _sides(boat: Builder) -> None:
    """What hangs on the hull between the wheels: fenders; names and stripes that differ."""
    for side, name, _ in SIDES:
        for x in (-1.9, 1.9) if side > 0 else (0.2,):
            colour = "orange" if side > 0 else "azure"
            boat.add(round_brick(0.9, 3.4, stud=False), x, side * 4.5, 3.9, colour, f"{name}_fender_roll")
    boat.add(tile(2.2, 0.8, 0.4), 0, 3.98, 5.3, "white", "left_name_plate", tilt=LEFT)
    boat.add(tile(1.4, 0.8, 0.4), -1.2, -3.98, 5.3, "yellow", "right_name_plate", tilt=RIGHT)


def _cockpit(boat: Builder) -> None:
    boat.add(brick(7, 4, 1), -0.5, 0, _WATERLINE, "tan", "cockpit_floor")
    boat.add(tile(0.8, 3.9, 3), 2.6, 0, _DECK - 1.6, "dark_grey", "dashboard")
    for side, name, _ in SIDES:
        boat.add(brick(2, 2, 2), 0, side * 1.0, 5.2, "red", f"{name}_seat")
        boat.add(tile(0.5, 1.8, 4.4), -0.8, side * 1.0, 7.2, "red", f"{name}_backrest")
        boat.add(tile(4.6, 0.5, 1), -0.5, side * 2.25, _TOP, "lime", f"{name}_coaming")
    boat.add(brick(1, 4, 2), -2.5, 0, 5.2, "red", "rear_bench")
    boat.add(tile(0.5, 3.8, 4), -3.2, 0, 7.2, "red", "rear_backrest")
    boat.rod((2.3, 1, 7.6), (1.6, 1, 9.2), "black", "steering_column", 0.0010)
    boat.add(steering_wheel(1.5), 1.6, 1, 9.2, "black", "steering_wheel", tilt=rotation("y", -50))
    boat.rod((2.4, -0.2, 8.4), (2.1, -0.2, 10), "silver", "throttle_lever", 0.0008)


def _screen(boat: Builder) -> None:
    foot, head = (3.7, _TOP), (2.5, _TOP + 4.6)
    boat.add(windscreen(1.2, 5, 4.4), 3.1, 0, _TOP, "glass", "windscreen")
    for side, name, _ in SIDES:
        boat.rod(
            (foot[0], side * 2.6, foot[1]), (head[0], side * 2.6, head[1]), "silver", f"{name}_screen_post", 0.0012
        )
    boat.rod((head[0], -2.75, head[1]), (head[0], 2.75, head[1]), "silver", "screen_bar", 0.0012)
    boat.rod((2.2, 2.95, _TOP), (2.2, 2.95, _TOP + 9), "azure", "snorkel", 0.0019)
    boat.add(round_brick(0.9, 1.6, stud=False), 2.2, 2.95, _TOP + 8.6, "azure", "snorkel_head")


def _bow(boat: Builder) -> None:
    for side, name, _ in SIDES:
        boat.add(lamp(0.9), 6.05, side * 3.5, _TOP + 0.4, "lamp_white", f"{name}_headlight", tilt=FORWARD)
        for x, y, z in ((6.4, 3.0, 8.9), (8.6, 1.9, 9.6)):
            boat.rod((x, side * y, z), (x, side * y, 13.4), "silver", f"{name}_stanchion", 0.0008)
    guard = ((6.4, 3, 0), (8.6, 1.9, 0), (11, 0.5, 0.6), (11, -0.5, 0.6), (8.6, -1.9, 0), (6.4, -3, 0))
    boat.add(pipe(guard, 0.0010), 0, 0, 13.4, "silver", "pulpit")
    boat.rod((11, 0, 10.5), (11, 0, 14), "silver", "bow_stanchion", 0.0008)
    boat.add(round_brick(1.2, 3), 5.5, -0.5, _TOP, "dark_grey", "light_stand")
    boat.add(lamp(1.6), 5.3, -0.5, _TOP + 5, "lamp_white", "search_light", tilt=rotation("y", 75))
    boat.add(round_brick(1, 1), 9, 0, _TOP, "black", "bollard")
    boat.add(tile(2, 2, 0.6), 7.0, 0, _TOP + 0.55, "azure", "bow_hatch")
    boat.add(_anchor(), 9.0, -2.1, 3.0, "black", "anchor", yaw=26.6 + 90)


@cache
def _anchor() -> Mesh:
    """A shank with stock, ring and two arms; in the y-z plane, on z = 0, 6.4 plates high."""
    shank = pipe(((0, 0, 0), (0, 0, 6.4)), 0.0011)
    stock = pipe(((0, -0.7, 5.2), (0, 0.7, 5.2)), 0.0009)
    arms = pipe(((0, -1.2, 2.0), (0, -0.8, 0.6), (0, 0, 0), (0, 0.8, 0.6), (0, 1.2, 2.0)), 0.0011)
    return join([shank, stock, arms])


def _stern(boat: Builder) -> None:
    for side, name, _ in SIDES:
        boat.rod((-6.4, side * 1.7, 4.2), (-7.7, side * 1.7, 4.0), "silver", f"{name}_shaft", 0.0012)
        boat.add(propeller(2.6, 3, 35), -7.6, side * 1.7, 4.0, "yellow", f"{name}_propeller", tilt=BACKWARD)
        boat.add(lamp(0.8), -7, side * 3.3, 7.7, "lamp_red", f"{name}_tail_lamp", tilt=BACKWARD)
    boat.rod((-7.15, 0, 2), (-7.15, 0, _TOP), "silver", "rudder_stock", 0.0011)
    boat.add(tile(1.3, 0.25, 4.4), -7.9, 0, 1.6, "orange", "rudder")
    boat.add(brick(2, 4, 2), -5, 0, _TOP, "lime", "engine_cover")
    boat.add(grille(2, 2), -5, 1, _TOP + 2.5, "black", "engine_vent")
    rail = ((-4.6, 2.8, 4.4), (-6.7, 2.8, 4.4), (-6.7, -2.8, 4.4), (-4.6, -2.8, 4.4))
    boat.add(pipe(rail, 0.0010), 0, 0, _TOP, "silver", "stern_rail")
    for y in (2.8, 0.5, -2.8):
        boat.rod((-6.7, y, _TOP), (-6.7, y, _TOP + 4.4), "silver", "stern_stanchion", 0.0008)
    boat.rod((-6.7, 2.0, _TOP), (-7.4, 2.0, _TOP + 11), "white", "flag_staff", 0.0009)
    for z, colour in ((7.0, "azure"), (9.0, "orange")):
        boat.add(tile(2.4, 0.2, 2), -8.5, 2.0, _TOP + z, colour, "flag_stripe")


def _mast(boat: Builder) -> None:
    """A roll bar behind the cockpit that carries radar, horn and navigation lamps."""
    boat.add(
        pipe(((0, -2.7, 0), (-0.6, -2.3, 9), (-0.6, 2.3, 9), (0, 2.7, 0)), 0.0017), -3.7, 0, _TOP, "white", "roll_bar"
    )
    top = _TOP + 9
    boat.add(round_brick(1, 2), -4.3, 0, top, "dark_grey", "radar_stand")
    boat.add(tile(0.6, 3.4, 1.2), -4.3, 0, top + 2.5, "white", "radar_bar", yaw=25)
    boat.add(dome(1.2, 2), -4.3, -1.6, top + 0.3, "white", "satellite_dome")
    boat.add(lamp(0.9), -4.1, 1.5, top + 1.0, "lamp_amber", "deck_light", tilt=FORWARD)
    boat.rod((-4.3, -2.2, top), (-5.6, -2.2, top + 7), "black", "antenna", 0.0008)
    for side, name, colour in ((1, "left", "lamp_red"), (-1, "right", "green")):
        boat.add(round_brick(0.8, 1.8, stud=False), 2.6, side * 3.6, _TOP, colour, f"{name}_navigation_lamp")


def _rescue(boat: Builder) -> None:
    """The life ring on the stern rail, the paddle on the right side deck, the boat hook on the left one."""
    radius, thickness = 1.25 * STUD, 0.0022
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = lathe(np.column_stack([radius + thickness * np.cos(turn), thickness * np.sin(turn)]), 32, closed=True)
    lean = rotation("y", -80)
    boat.add(ring, -7.1, -1.1, _TOP + 2.7, "orange", "life_ring", tilt=lean)
    for start in (25, 115, 205, 295):
        band = sector(radius - 1.1 * thickness, radius + 1.1 * thickness, 2.2 * thickness, start, start + 32, 6)
        boat.add(band, -7.1, -1.1, _TOP + 2.7, "white", "life_ring_band", tilt=lean @ rotation("x", 90))
    boat.rod((0.9, -3.5, 9.1), (-3.1, -3.5, 9.1), "brown", "paddle_shaft", 0.0012)
    boat.add(tile(1.8, 1.1, 0.6), 1.1, -3.5, 8.85, "orange", "paddle_blade")
    boat.rod((2.0, 3.5, 9.2), (-3.8, 3.5, 9.2), "yellow", "boat_hook", 0.0010)
