"""An open-wheel formula racer: wings front and rear, bare suspension, side pods and a halo."""

from __future__ import annotations

import numpy as np

from pad_ros.synthesis.assembly import Assembly, rotation
from pad_ros.synthesis.bricks import (
    PLATE,
    STUD,
    brick,
    curved_slope,
    lamp,
    pane_frame,
    pipe,
    round_brick,
    slope,
    steering_wheel,
    tile,
    wedge,
)
from pad_ros.synthesis.shapes import prism
from pad_ros.synthesis.vehicles.builder import BACKWARD, FORWARD, LEFT, RIGHT, SIDES, Builder
from pad_ros.synthesis.wheels import hub, tyre

_FLAP = rotation("y", 25)
_FRONT_AXLE, _REAR_AXLE = 5.0, -6.0  # x


def racing_car() -> Assembly:
    """The intact car: 20 studs (158 mm) long, wheels on z = 0, front towards +x."""
    car = Builder()
    _floor(car)
    _cockpit(car)
    _nose(car)
    _front_wing(car)
    _wheels(car)
    _suspension(car)
    _side_pods(car)
    _engine(car)
    _rear_wing(car)
    _stickers(car)
    return car.build("racing_car")


def _floor(car: Builder) -> None:
    car.add(brick(8, 7, 1), -1.2, 0, 1.2, "black", "floor")
    car.add(wedge(2, 7, 3), 3.8, 0, 1.2, "black", "floor_front")
    car.add(wedge(2, 7, 4), -6.2, 0, 1.2, "black", "floor_rear", yaw=180)
    car.add(brick(4, 2, 4), -7.2, 0, 2.2, "dark_grey", "gearbox")
    car.add(tile(2, 4, 0.5), -8.2, 0, 1.6, "black", "diffuser", tilt=rotation("y", 12))
    for y in (-1.4, 0, 1.4):
        car.add(tile(1.2, 0.2, 1.1), -8.7, y, 0.7, "silver" if y else "orange", "diffuser_fin")


def _cockpit(car: Builder) -> None:
    car.add(brick(2, 3, 5), 2.8, 0, 2.2, "green", "bulkhead")
    car.add(slope(1.2, 2.4, 1.2, 0.4, 0.2), 2.3, 0, 7.2, "green", "cowl", yaw=180)
    car.add(tile(4, 2, 1), -0.2, 0, 2.2, "dark_grey", "cockpit_floor")
    for side, name, _ in SIDES:
        car.add(tile(4, 0.7, 4), -0.2, side * 1.4, 2.2, "green", f"{name}_cockpit_wall")
        car.add(tile(3, 0.6, 1), -0.6, side * 1.38, 6.2, "black", f"{name}_cockpit_rim")
        car.rod((2.2, side * 1.3, 7.0), (2.0, side * 2.2, 8.0), "dark_grey", f"{name}_mirror_arm", 0.0008)
    car.add(tile(1.6, 1.6, 1), 0.0, 0, 3.2, "red", "seat")
    car.add(tile(0.5, 1.6, 3.6), -0.9, 0, 3.4, "red", "backrest", tilt=rotation("y", -15))
    car.add(tile(0.6, 1.4, 1.3), -1.4, 0, 6.9, "black", "headrest")
    car.rod((1.9, 0, 5.6), (1.1, 0, 6.5), "dark_grey", "steering_column", 0.001)
    car.add(steering_wheel(1.3), 1.1, 0, 6.5, "black", "steering_wheel", tilt=rotation("y", -60))
    left = ((-1.8, 1.5, 7.0), (-1.2, 1.5, 9.4), (0.9, 1.2, 10.0), (1.9, 0.4, 9.9))
    halo = (*left, *((x, -y, z) for x, y, z in reversed(left)))
    car.add(pipe(halo, 0.0015), 0, 0, 0, "black", "halo")
    car.rod((2.6, 0, 7.2), (1.9, 0, 9.9), "black", "halo_strut", 0.0013)
    car.add(tile(0.5, 1, 0.9), 2.0, 2.3, 8.0, "red", "left_mirror")
    car.add(tile(0.5, 1, 0.9), 2.0, -2.3, 8.0, "blue", "right_mirror")


def _nose(car: Builder) -> None:
    car.add(wedge(3, 3, 2.2, 4, studs=False), 5.3, 0, 2.6, "green", "nose_root")
    car.add(slope(3, 2, 1.4, 0.4, 0.3), 5.3, 0, 6.6, "yellow", "nose_top")
    car.add(wedge(3, 2, 1, 2, studs=False), 8.2, 0, 2.8, "yellow", "nose_cone")
    car.add(slope(2.4, 1.2, 1.8, 0.3, 0.2), 8.0, 0, 4.8, "yellow", "nose_cone_top")


def _front_wing(car: Builder) -> None:
    car.add(brick(2, 8, 1), 8.8, 0, 1.0, "green", "front_wing")
    for side, name, _ in SIDES:
        car.add(tile(1.2, 2.4, 0.5), 8.2, side * 2.6, 2.9, "yellow", f"{name}_front_flap", tilt=rotation("y", 18))
        car.add(tile(0.9, 2.0, 0.5), 7.7, side * 2.8, 4.0, "white", f"{name}_upper_flap", tilt=rotation("y", 30))
        car.add(tile(1.2, 0.3, 1.4), 8.4, side * 0.5, 1.9, "black", f"{name}_wing_pylon")
        colour = "red" if side > 0 else "blue"
        car.add(tile(2.6, 0.3, 3), 8.6, side * 4.1, 0.8, colour, f"{name}_front_end_plate")


def _wheels(car: Builder) -> None:
    for side, name, turn in SIDES:
        for x, radius, width, end in ((_FRONT_AXLE, 0.0118, 0.0115, "front"), (_REAR_AXLE, 0.0130, 0.0150, "rear")):
            rolling = 0.93 * radius
            y, z = side * (4.6 - 0.5 * width / 0.008), rolling / 0.0032
            car.add(tyre(radius, width, 0), x, y, z, "rubber", f"{name}_{end}_tyre")
            car.add(hub(0.64 * radius, 0.8 * width, 9), x, y, z, "yellow", f"{name}_{end}_hub", yaw=90 - 90 * side)
            nut = "red" if side > 0 else "blue"
            car.add(round_brick(0.7, 0.6, stud=False), x, side * 4.4, z, nut, f"{name}_{end}_wheel_nut", tilt=turn)


def _suspension(car: Builder) -> None:
    for side, name, _ in SIDES:
        for axle, inner, outer, middle, end in (
            (_FRONT_AXLE, 1.2, 3.4, 3.43, "front"),
            (_REAR_AXLE, 0.95, 3.1, 3.78, "rear"),
        ):
            for height, low in ((1.3, "upper"), (-0.9, "lower")):
                for step, leg in ((0.9, "front"), (-0.9, "rear")):
                    start = (axle + step, side * inner, middle + 1.2 * height)
                    stop = (axle + 0.15 * step, side * outer, middle + height)
                    car.rod(start, stop, "silver", f"{name}_{end}_{low}_{leg}_rod", 0.0009)
            car.rod(
                (axle, side * inner, middle), (axle, side * (outer + 0.4), middle), "dark_grey", f"{name}_{end}_shaft"
            )
            car.rod((axle, side * inner, 6.4), (axle, side * outer, 2.8), "red", f"{name}_{end}_push_rod", 0.0011)


def _side_pods(car: Builder) -> None:
    for side, name, _ in SIDES:
        car.add(brick(3, 2, 4), -0.2, side * 2.76, 2.2, "yellow", f"{name}_pod")
        tail = wedge(3, 2, 0.6, 4, side=side)
        car.add(tail, -3.2, side * 2.76, 2.2, "yellow", f"{name}_pod_tail", yaw=180)
        car.add(tile(0.3, 1.9, 3.4), 1.4, side * 2.75, 2.4, "black", f"{name}_intake")
        car.add(pane_frame(2, 4.2, 0.5, 0.25), 1.7, side * 2.75, 2.2, "green", f"{name}_intake_frame", yaw=90)
        colour = "white" if side > 0 else "orange"
        car.add(tile(1.4, 0.15, 2.2), 2.9, side * 2.3, 2.2, colour, f"{name}_barge_board", yaw=side * -12)


def _engine(car: Builder) -> None:
    car.add(brick(3, 3, 4), -3.5, 0, 2.2, "green", "engine")
    car.add(brick(2, 2, 4), -2.7, 0, 6.2, "green", "air_box")
    car.add(round_brick(1.5, 1.2, stud=False), -1.7, 0, 8.7, "black", "air_intake", tilt=FORWARD)
    car.add(curved_slope(4.5, 2, 4, 0.5, 0.4), -5.95, 0, 6.2, "green", "engine_cover", yaw=180)
    fin = np.array([[-1.8, -0.9], [1.7, 0.9], [1.4, 3.6], [-1.4, 3.6], [-2.1, 1.8]]) * (STUD, PLATE)
    car.add(prism(fin, 0.3 * STUD), -6.0, 0, 9.1, "yellow", "fin")
    car.add(tile(0.6, 1.4, 0.6), -2.7, 0, 10.7, "lime", "camera")
    for side, name, _ in SIDES:
        car.rod((-4.6, side * 1.2, 5.0), (-7.2, side * 1.7, 6.6), "silver", f"{name}_exhaust", 0.0022)


def _rear_wing(car: Builder) -> None:
    for side, name, _ in SIDES:
        car.add(tile(0.8, 0.3, 6), -8.6, side * 0.7, 6.0, "black", f"{name}_wing_post")
        colour = "red" if side > 0 else "blue"
        car.add(tile(2.2, 0.3, 5), -8.8, side * 3.15, 9.0, colour, f"{name}_rear_end_plate")
    car.add(brick(1, 6, 1), -8.5, 0, 12.0, "green", "rear_wing")
    car.add(tile(1, 5.9, 0.5), -9.3, 0, 12.8, "yellow", "rear_flap", tilt=_FLAP)
    car.add(tile(0.6, 2.6, 0.3), -9.35, 0.9, 13.35, "white", "flap_sponsor", tilt=_FLAP)
    car.add(tile(0.6, 1.2, 0.3), -9.35, -1.6, 13.35, "red", "flap_badge", tilt=_FLAP)
    car.add(tile(0.9, 4.4, 0.5), -9.0, 0, 7.4, "yellow", "beam_wing")
    car.add(lamp(0.9), -9.2, 0, 4.6, "lamp_red", "rain_lamp", tilt=BACKWARD)


def _stickers(car: Builder) -> None:
    lean = rotation("y", 8.4)  # as the nose falls
    car.add(round_brick(1.6, 0.4, stud=False), 5.2, 0, 7.5, "white", "nose_roundel", tilt=lean)
    car.add(tile(0.3, 0.95, 0.3), 4.78, 0, 8.02, "black", "number_bar", tilt=lean)
    car.add(tile(0.95, 0.3, 0.3), 5.28, 0.13, 7.84, "black", "number_stem", tilt=lean @ rotation("z", -25))
    car.add(tile(1.8, 0.6, 0.3), 8.0, 0.0, 5.9, "green", "nose_stripe", tilt=rotation("y", 15))
    # Sponsors differ from side to side; a tile is (x, z, length, width, colour).
    for side, turn, y, name, tiles in (
        (1, LEFT, 3.74, "left_pod", ((-0.4, 4.4, 2.0, 0.8, "white"), (0.9, 4.4, 0.5, 0.8, "red"))),
        (-1, RIGHT, 3.74, "right_pod", ((0.2, 4.9, 2.2, 0.5, "blue"), (-0.2, 3.5, 1.4, 0.5, "red"))),
        (1, LEFT, 0.98, "left_cover", ((-5.0, 8.0, 1.2, 0.9, "white"), (-6.3, 7.6, 0.8, 0.6, "blue"))),
        (-1, RIGHT, 0.98, "right_cover", ((-5.4, 8.0, 2.2, 0.5, "orange"),)),
        (1, LEFT, 3.28, "left_wing", ((-8.8, 12.0, 1.5, 0.9, "white"), (-8.8, 10.2, 1.5, 0.3, "yellow"))),
        (-1, RIGHT, 3.28, "right_wing", ((-8.8, 11.5, 1.0, 1.4, "yellow"),)),
    ):
        for x, z, length, width, colour in tiles:
            car.add(tile(length, width, 0.3), x, side * y, z, colour, f"{name}_{colour}_sponsor", tilt=turn)
    car.rod((3.4, -0.8, 7.2), (3.4, -0.8, 11.5), "black", "antenna", 0.0006)
