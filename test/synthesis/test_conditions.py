import json
from itertools import combinations

import numpy as np
import pytest

from pad_ros.synthesis.conditions import BELTS, FLOORS, VARIATIONS, draw_conditions

RANGES = {
    "light": {
        "intensity": (0.6, 1.4),
        "temperature_k": (3000, 7000),
        "elevation_deg": (40, 90),
        "azimuth_deg": (0, 360),
        "softness": (0.25, 1),
    },
    "camera": {
        "exposure_ev": (-0.7, 0.7),
        "blur": (0, 0.002),
        "read_noise": (0, 0.002),
        "shot_noise": (0, 0.02),
        "red": (0.95, 1.05),
        "blue": (0.95, 1.05),
    },
    "dirt": {"amount": (0.25, 1)},
}
SEEDED = {"camera", "dirt"}


def draw(vary=VARIATIONS, part=1, image=2):
    return draw_conditions(vary, np.random.default_rng(part), np.random.default_rng(image))


def test_nothing_varies_by_default():
    assert draw(()) == {}


@pytest.mark.parametrize("name", RANGES)
def test_values_fill_their_ranges(name):
    drawn = [draw((name,), seed, seed)[name] for seed in range(200)]
    assert set(drawn[0]) == set(RANGES[name]) | ({"seed"} if name in SEEDED else set())
    for key, (low, high) in RANGES[name].items():
        values = [conditions[key] for conditions in drawn]
        assert low <= min(values) < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < max(values) <= high


def test_every_belt_and_floor_is_drawn():
    drawn = [draw(("surroundings",), seed)["surroundings"] for seed in range(100)]
    assert {(chosen["belt"], chosen["floor"]) for chosen in drawn} == {(b, f) for b in BELTS for f in FLOORS}


def test_draws_are_repeatable_and_survive_json():
    assert draw() == draw() == json.loads(json.dumps(draw()))
    assert list(draw()) == sorted(VARIATIONS)


def test_a_variation_does_not_depend_on_the_others_or_on_their_order():
    everything = draw()
    for pair in combinations(VARIATIONS, 2):
        assert draw(pair) == draw(pair[::-1]) == {name: everything[name] for name in sorted(pair)}


def test_the_part_decides_on_dirt_and_surroundings_and_the_image_on_the_rest():
    first, same_part, same_image = draw(), draw(image=3), draw(part=4)
    for name in ("dirt", "surroundings"):
        assert same_part[name] == first[name]
    for name in ("light", "camera"):
        assert same_image[name] == first[name]
        assert same_part[name] != first[name]
    assert same_image["dirt"] != first["dirt"]
