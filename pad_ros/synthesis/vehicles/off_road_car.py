"""An open off-road pick-up with a roll cage, cargo bed, spare wheel and snorkel."""

from __future__ import annotations

from pad_ros.synthesis.assembly import Assembly, rotation
from pad_ros.synthesis.bricks import (
    brick,
    cone,
    grille,
    lamp,
    round_brick,
    slope,
    tile,
    windscreen,
)
from pad_ros.synthesis.vehicles.builder import BACKWARD, FORWARD, LEFT, RIGHT, Builder


def off_road_car() -> Assembly:
    """The intact car: 16 studs (128 mm) long, wheels on z = 0, front towards +x."""
    car = Builder()
    _chassis(car)
    _front(car)
    _cabin(car)
    _cage(car)
    _bed(car)
    return car.build("off_road_car")


def _chassis(car: Builder) -> None:
    car.add(brick(14, 4, 1), 0, 0, 4, "dark_grey", "chassis")
    car.add(brick(6, 6, 1), 0, 0, 5, "dark_grey", "floor")
    for x in (-5, 5):
        car.rod((x, -3.4, 3.75), (x, 3.4, 3.75), "light_grey", "axle", 0.002)
        for y in (-3.2, 3.2):
            car.wheel(x, y, 3.75, 0.0117, 0.0115, "light_grey")
    for y in (-3, 3):
        car.rod((-2.6, y, 4.6), (2.6, y, 4.6), "silver", "side_step")


def _front(car: Builder) -> None:
    car.add(brick(4, 4), 5, 0, 5, "red", "engine")
    car.add(brick(4, 8, 1), 5, 0, 8, "red", "front_wings")
    car.add(brick(2, 4, 1), 4, 0, 9, "red", "bonnet")
    car.add(slope(2, 4, 1.6, 0.4, 0.2), 6, 0, 9, "red", "bonnet_nose")
    car.add(tile(2, 1, 0.5), 4, 0.5, 10.4, "white", "bonnet_stripe")
    car.add(grille(1, 1), 4.5, -1.5, 10.3, "black", "bonnet_vent")
    for side, name in ((1, "left"), (-1, "right")):
        car.add(slope(1, 2, 3, 1.2, 0.1), 7.5, side * 3.0, 6, "red", f"{name}_wing_tip")
        car.add(lamp(1), 7.0, side * 1.5, 6.6, "lamp_white", f"{name}_headlight", tilt=FORWARD)
        car.add(lamp(0.6), 8.0, side * 3.0, 6.9, "lamp_amber", f"{name}_indicator", tilt=FORWARD)
    car.add(grille(2, 2), 7.0, 0, 6.5, "black", "radiator", tilt=FORWARD @ rotation("z", 90))
    car.add(brick(1, 6, 1), 7.5, 0, 4, "black", "bumper")
    car.rod((8.1, -2.2, 4.6), (8.1, 2.2, 4.6), "silver", "bull_bar")
    car.add(tile(1, 2, 0.5), 7.5, 0, 5.4, "white", "winch_plate")
    car.add(round_brick(1, 1, stud=False), 7.5, -2.2, 5.4, "yellow", "tow_eye")
    car.rod((3.6, -3.4, 9.0), (3.6, -3.4, 19.5), "black", "snorkel", 0.0019)
    car.add(round_brick(0.9, 2, stud=False), 3.6, -3.4, 19.0, "black", "snorkel_head")


def _cabin(car: Builder) -> None:
    for side, name, stripe in ((1, "left", "white"), (-1, "right", "yellow")):
        car.add(brick(6, 1), 0, side * 2.5, 6, "red", f"{name}_door")
        car.add(tile(3, 1, 0.5), 0.8, side * 2.97, 7.45, stripe, f"{name}_stripe", tilt=LEFT if side > 0 else RIGHT)
        car.add(slope(2, 1, 2, 0.4, 0.4), -2, side * 2.5, 9, "red", f"{name}_shoulder")
        car.add(brick(2, 2, 1), -0.9, side * 1.0, 6, "tan", f"{name}_seat")
        car.add(tile(0.5, 1.7, 6), -1.7, side * 1.0, 7, "tan", f"{name}_backrest")
    car.add(tile(1.6, 0.8, 1), 2.4, -2.5, 9.4, "blue", "right_mirror_tile")
    car.add(brick(1, 4, 3), 2.5, 0, 6, "black", "dashboard")
    car.add(windscreen(0.9, 4, 4), 2.5, 0, 9.3, "glass", "windscreen")
    car.rod((2.1, 1.0, 8.0), (1.1, 1.0, 10.0), "dark_grey", "steering_column", 0.0010)
    car.add(round_brick(1.2, 0.6, stud=False), 1.1, 1.0, 9.9, "black", "steering_wheel", tilt=rotation("y", -50))


def _cage(car: Builder) -> None:
    top = 19.0
    for side, name in ((2.6, "left"), (-2.6, "right")):
        car.rod((2.9, side, 8.9), (1.7, side, top), "black", f"{name}_a_pillar")
        car.rod((-2.4, side, 8.9), (-2.4, side, top), "black", f"{name}_b_pillar")
        car.rod((-2.5, side, top), (1.8, side, top), "black", f"{name}_roof_rail")
        car.rod((-2.4, side, top - 0.3), (-6.0, side, 10.6), "black", f"{name}_stay")
    for x, name in ((1.7, "front"), (-0.4, "middle"), (-2.4, "rear")):
        car.rod((x, -2.75, top), (x, 2.75, top), "black", f"{name}_roof_bar")
    for y in (-1.8, -0.6, 0.6, 1.8):
        car.add(lamp(1), 1.7, y, top + 1.2, "lamp_amber" if y > 1 else "lamp_white", "roof_lamp", tilt=FORWARD)
    car.add(brick(2, 3, 1), -1.4, 0.9, top + 0.4, "blue", "roof_plate")
    car.add(brick(1, 2, 2), -1.9, 1.4, top + 1.4, "brown", "roof_case")
    car.add(tile(1, 1, 1), -0.9, 0.4, top + 1.4, "yellow", "roof_tile")
    car.rod((-2.4, -2.75, top), (-2.9, -2.75, top + 7), "dark_grey", "antenna", 0.0008)


def _bed(car: Builder) -> None:
    car.add(brick(4, 4), -5, 0, 5, "red", "rear_body")
    car.add(brick(4, 8, 1), -5, 0, 8, "red", "rear_wings")
    for side, name in ((1, "left"), (-1, "right")):
        car.add(brick(4, 1, 2), -5, side * 2.5, 9, "red", f"{name}_bed_wall")
        car.add(slope(1, 2, 3, 1.2, 0.1), -7.5, side * 3.0, 6, "red", f"{name}_rear_tip", yaw=180)
        car.add(round_brick(1, 1, stud=False), -7.0, side * 1.6, 6.6, "lamp_red", f"{name}_tail_lamp", tilt=BACKWARD)
    car.add(tile(3, 1, 0.5), -5, 3.5, 9.35, "white", "wing_stripe")
    car.add(grille(2, 1), -5, -3.5, 9.35, "dark_grey", "wing_vent")
    car.add(brick(2, 2, 3), -5.9, 1, 9, "brown", "crate")
    car.add(tile(1, 1, 1), -5.4, 1.5, 12.4, "lime", "crate_label")
    car.add(round_brick(2, 5), -4.0, -0.9, 9, "green", "barrel")
    car.add(brick(1, 2, 4), -6.2, -1, 9, "orange", "jerry_can")
    car.add(round_brick(0.7, 1, stud=False), -6.2, -0.5, 13.2, "black", "can_cap")
    car.add(cone(1, 3), -3.6, 1.3, 9.3, "orange", "traffic_cone")
    car.add(brick(1, 6, 1), -7.5, 0, 4, "black", "rear_bumper")
    car.wheel(-7.35, 0, 8.0, 0.0105, 0.009, "light_grey", tilt=rotation("z", 90))
    car.add(tile(1, 2, 0.5), -7.5, -2, 5.4, "yellow", "number_plate")
    car.rod((-7.0, 2.4, 4.0), (-8.4, 2.4, 3.6), "silver", "exhaust", 0.0018)
