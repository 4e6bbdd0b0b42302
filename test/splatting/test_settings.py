import dataclasses

import pytest

from pad_ros.errors import ConfigError
from pad_ros.splatting.settings import PRESETS, TrainerSettings, describe_settings, resolve_settings


def test_a_preset_and_what_differs_from_it():
    settings = resolve_settings({"preset": "paper", "iterations": 100})
    assert settings == dataclasses.replace(PRESETS["paper"], iterations=100)
    assert resolve_settings({"sh_degree": 1}) == dataclasses.replace(PRESETS["fast"], sh_degree=1)


def test_every_setting_is_described_and_gives_the_same_again():
    for preset in PRESETS.values():
        described = describe_settings(preset)
        assert set(described) == {field.name for field in dataclasses.fields(TrainerSettings)}
        assert resolve_settings(described) == preset


def test_paper_has_the_schedule_of_the_paper():
    paper = PRESETS["paper"]
    assert (paper.iterations, paper.densify_every, paper.reset_opacity_every, paper.sh_degree) == (15000, 1000, 3000, 3)
    assert round(paper.densify_from * paper.iterations) == 500 and paper.densify_until == 1.0
    assert paper.sh_every * paper.iterations == pytest.approx(1000)
    # The means' rate falls from 1.6e-4 to 1.6e-6 over 30,000 iterations: to a tenth after half of them.
    assert paper.rate_means * paper.rate_means_final == pytest.approx(1.6e-4 * 0.01 ** (15 / 30))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "best"}, "no preset 'best'; choose one of fast, paper"),
        ({"preset": "fast", "itterations": 3}, "splatting.trainer.*itterations"),
        ({"densification": "magic"}, "densification must be one of budget, threshold"),
        ({"extent": 3}, "extent must be one of object, cameras"),
    ],
)
def test_unknown_choices_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        resolve_settings(settings)
