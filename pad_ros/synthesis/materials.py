"""The palette: plastic colours that are far enough apart to be told from one another."""

from __future__ import annotations

import numpy as np

from pad_ros.synthesis.assembly import Material

PALETTE = {
    material.name: material
    for material in (
        Material("red", (0.76, 0.08, 0.09)),
        Material("blue", (0.08, 0.29, 0.68)),
        Material("azure", (0.25, 0.66, 0.86)),
        Material("yellow", (0.95, 0.79, 0.12)),
        Material("orange", (0.92, 0.48, 0.08)),
        Material("green", (0.10, 0.49, 0.22)),
        Material("lime", (0.64, 0.80, 0.18)),
        Material("white", (0.90, 0.90, 0.88)),
        Material("light_grey", (0.62, 0.64, 0.66)),
        Material("dark_grey", (0.33, 0.35, 0.37)),
        Material("black", (0.10, 0.10, 0.11)),
        Material("tan", (0.85, 0.75, 0.55)),
        Material("brown", (0.40, 0.23, 0.13)),
        Material("rubber", (0.12, 0.12, 0.125), roughness=0.75),
        Material("silver", (0.72, 0.73, 0.74), roughness=0.4, metallic=0.6),
        Material("glass", (0.10, 0.19, 0.26), roughness=0.25),
        Material("lamp_white", (0.93, 0.93, 0.82), roughness=0.25),
        Material("lamp_amber", (0.95, 0.60, 0.10), roughness=0.25),
        Material("lamp_red", (0.70, 0.05, 0.07), roughness=0.25),
    )
}
BRICK_COLOURS = ("red", "blue", "azure", "yellow", "orange", "green", "lime", "white", "black", "tan", "brown")


def contrast(first: Material, second: Material) -> float:
    """How far two colours are apart: Euclidean distance of their sRGB values, 0…1.73."""
    return float(np.linalg.norm(np.subtract(first.rgb, second.rgb)))
