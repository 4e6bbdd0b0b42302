"""What may vary from test image to test image, beyond the paper: light, camera, dirt, belt and floor.

Conditions of an image are one dictionary of plain numbers and names per variation that is switched on; they
are stored in `test_poses.json`. A factory's hall sets the ranges:

    light         intensity       0.6…1.4, factor on lamp and surroundings
                  temperature_k   3000…7000, the lamp's colour; 5000 is the white of the default light
                  elevation_deg   40…90, of the lamp above the belt (90: overhead, the default)
                  azimuth_deg     0…360, where the lamp stands, from the belt's direction
                  softness        0.25…1, the lamp's diameter as a share of the default one
    camera        exposure_ev     -0.7…0.7, stops
                  blur            0…0.002, sigma of a Gaussian as a share of the width (0.8 pixels of 400)
                  read_noise      0…0.002, standard deviation in linear units of full scale
                  shot_noise      0…0.02, the same at full scale, falling with the root of the signal
                  red, blue       0.95…1.05, gains of a white balance that is slightly off
                  seed            of the noise
    dirt          amount          0.25…1, how much grime, stains, streaks and dust lie on the belt
                  seed            of where they lie
    surroundings  belt, floor     one of BELTS and of FLOORS; the first of each is the default
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

BELTS = ("plates", "rubber", "pvc", "modular")
FLOORS = ("paving", "epoxy", "tiles")

Conditions = dict[str, dict[str, Any]]
_Draw = Callable[[np.random.Generator], dict[str, Any]]

_SEEDS = 2**31


def draw_conditions(vary: Sequence[str], part: np.random.Generator, image: np.random.Generator) -> Conditions:
    """Draws an image's conditions: dirt and surroundings from its part's generator, the rest from its own.

    Each variation draws from a stream of its own, so that switching one on changes no other.

    Args:
        vary: names of VARIATIONS, in any order.
        part: the generator of the part, in the same state for all of its images.
        image: the generator of the image.

    Returns:
        For each name in `vary` a dictionary as the module describes, sorted by name.
    """
    of_part, of_image = (int(generator.integers(_SEEDS)) for generator in (part, image))
    streams = {"dirt": of_part, "surroundings": of_part, "light": of_image, "camera": of_image}
    return {
        name: _DRAWS[name](np.random.default_rng([streams[name], VARIATIONS.index(name)])) for name in sorted(set(vary))
    }


def _light(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "intensity": _uniform(rng, 0.6, 1.4),
        "temperature_k": _uniform(rng, 3000.0, 7000.0),
        "elevation_deg": _uniform(rng, 40.0, 90.0),
        "azimuth_deg": _uniform(rng, 0.0, 360.0),
        "softness": _uniform(rng, 0.25, 1.0),
    }


def _camera(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "exposure_ev": _uniform(rng, -0.7, 0.7),
        "blur": _uniform(rng, 0.0, 0.002),
        "read_noise": _uniform(rng, 0.0, 0.002),
        "shot_noise": _uniform(rng, 0.0, 0.02),
        "red": _uniform(rng, 0.95, 1.05),
        "blue": _uniform(rng, 0.95, 1.05),
        "seed": int(rng.integers(_SEEDS)),
    }


def _dirt(rng: np.random.Generator) -> dict[str, Any]:
    return {"amount": _uniform(rng, 0.25, 1.0), "seed": int(rng.integers(_SEEDS))}


def _surroundings(rng: np.random.Generator) -> dict[str, Any]:
    return {"belt": str(rng.choice(BELTS)), "floor": str(rng.choice(FLOORS))}


def _uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 6)


_DRAWS: dict[str, _Draw] = {"light": _light, "camera": _camera, "dirt": _dirt, "surroundings": _surroundings}
VARIATIONS = tuple(_DRAWS)
