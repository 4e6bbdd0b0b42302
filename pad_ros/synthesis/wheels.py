"""What vehicles roll on: tyres, hubs, tracks; metres, the axle is y through the origin."""

from __future__ import annotations

from functools import cache

import numpy as np

from pad_ros.synthesis.assembly import Mesh, join, rotation, translation
from pad_ros.synthesis.shapes import box, cylinder, lathe


@cache
def tyre(radius: float, width: float, treads: int = 20) -> Mesh:
    """A tyre with tread blocks; without, a slick."""
    h, inner = 0.5 * width, 0.62 * radius
    tread = 0.07 * radius
    r = radius - tread
    profile = [[inner, -0.8 * h], [r - 0.12 * radius, -h], [r, -0.7 * h], [r, 0.7 * h], [r - 0.12 * radius, h]]
    body = lathe(np.array([*profile, [inner, 0.8 * h]]), 40, closed=True)
    blocks = []
    for index in range(treads):
        block = box(2.2 * tread + 0.0006, 0.62 * width, np.pi * radius / treads * 1.05, 0.0001)
        side = (0.22 if index % 2 else -0.22) * width
        place = translation(r - 0.1 * tread, side, -0.5 * np.pi * radius / treads)
        blocks.append(block.moved(place))
    turned = [b.moved(rotation("y", 360 * i / treads)) for i, b in enumerate(blocks)]
    return join([body.moved(rotation("x", 90)), *turned])


@cache
def hub(radius: float, width: float, spokes: int = 6) -> Mesh:
    """A rim with spokes and a nave; its face towards +y."""
    h = 0.5 * width
    ring = lathe(np.array([[0.8 * radius, -h], [radius, -h], [radius, h], [0.8 * radius, h]]), 32, closed=True)
    disc = cylinder(0.85 * radius, 0.6 * h, 32).moved(translation(0, 0, -0.5 * h))
    nave = cylinder(0.3 * radius, 1.5 * h, 16).moved(translation(0, 0, -0.5 * h))
    arm = box(0.62 * radius, 0.2 * radius, 0.8 * h).moved(translation(0.5 * radius, 0, 0))
    arms = [arm.moved(rotation("z", 360 * i / spokes)) for i in range(spokes)]
    return join([ring, disc, nave, *arms]).moved(rotation("x", -90))


@cache
def track(length: float, radius: float, width: float, links: int = 36) -> Mesh:
    """A crawler track around two wheels of `radius` whose axles are `length` apart; its middle is the origin."""
    thickness = 0.0018
    path = 2 * length + 2 * np.pi * radius
    pitch = path / links
    plate = box(0.94 * pitch, width, thickness, 0.0001)
    grouser = box(0.3 * pitch, width, 0.0010, 0.0001).moved(translation(0, 0, thickness - 0.0002))
    pin = cylinder(0.5 * thickness, 0.96 * width, 8).moved(rotation("x", 90))
    pin = pin.moved(translation(0.5 * pitch, 0.48 * width, 0.5 * thickness))
    link = join([plate, grouser, pin])
    pieces = []
    for index in range(links):
        at = index * pitch
        if at < length:  # along the top towards +x
            pieces.append(link.moved(translation(at - 0.5 * length, 0, radius)))
        elif at < length + np.pi * radius:  # down around the front
            turn = np.degrees((at - length) / radius)
            pieces.append(link.moved(translation(0.5 * length, 0, 0) @ rotation("y", turn) @ translation(0, 0, radius)))
        elif at < 2 * length + np.pi * radius:  # back along the ground
            back = 0.5 * length - (at - length - np.pi * radius)
            pieces.append(link.moved(translation(back, 0, 0) @ rotation("y", 180) @ translation(0, 0, radius)))
        else:
            turn = 180 + np.degrees((at - 2 * length - np.pi * radius) / radius)
            place = translation(-0.5 * length, 0, 0) @ rotation("y", turn)
            pieces.append(link.moved(place @ translation(0, 0, radius)))
    return join(pieces)
