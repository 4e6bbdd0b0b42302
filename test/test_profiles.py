import inspect
from importlib import import_module

import pytest
import yaml

from pad_ros.anomaly import backbone, comparison, regions
from pad_ros.background import inpainting, segmentation
from pad_ros.errors import ConfigError
from pad_ros.localization import features, localizer, map_builder, matcher, refinement, retrieval
from pad_ros.profiles import STRUCTURE, list_profiles, load_profile
from pad_ros.splatting import rasterize
from pad_ros.splatting.settings import resolve_settings


def test_every_shipped_profile_names_every_stage():
    assert "cpu" in list_profiles()
    for name in list_profiles():
        profile = load_profile(name)
        assert profile["name"] == name
        assert set(STRUCTURE) <= set(profile)


def test_unknown_profile_lists_the_choices():
    with pytest.raises(ConfigError, match=r"choose one of .*cpu"):
        load_profile("gpu9000")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("anomaly"), "no settings for anomaly.comparison"),
        (lambda p: p["background"].pop("inpainting"), "no settings for background.inpainting"),
        (lambda p: p.update(anomoly={}), "unknown stages.*anomoly"),
        (lambda p: p.pop("name"), "with a name"),
    ],
)
def test_incomplete_profiles_say_what_is_missing(tmp_path, change, message):
    profile = load_profile("cpu")
    change(profile)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(profile))
    with pytest.raises(ConfigError, match=message):
        load_profile(str(path))


def test_a_file_that_is_not_yaml(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: [1, 2")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_profile(str(path))


def settings_of(callable_, *given):
    return {name for name in inspect.signature(callable_).parameters if name not in given}


def implementation(table, settings):
    module, name = table[settings["name"]].split(":")
    return getattr(import_module(module), name)


def test_shipped_profiles_state_every_setting():
    """A product copies its profile, so no default in the code can change what its threshold means."""
    for name in list_profiles():
        profile = load_profile(name)
        local, splat, back, anomaly = (profile[g] for g in ("localization", "splatting", "background", "anomaly"))
        context = ("sfm_map", "camera", "front_end", "features", "backbone")
        stages = (
            (features.IMPLEMENTATIONS, local["features"]),
            (matcher.IMPLEMENTATIONS, local["matcher"]),
            (localizer.IMPLEMENTATIONS, local["localizer"]),
            (refinement.IMPLEMENTATIONS, local["refinement"]),
            (rasterize.IMPLEMENTATIONS, splat["rasterizer"]),
            (segmentation.IMPLEMENTATIONS, back["segmentation"]),
            (inpainting.IMPLEMENTATIONS, back["inpainting"]),
            (backbone.IMPLEMENTATIONS, anomaly["backbone"]),
            (comparison.IMPLEMENTATIONS, anomaly["comparison"]),
            (regions.SCORES, anomaly["score"]),
            *([(retrieval.IMPLEMENTATIONS, local["retrieval"])] if "retrieval" in local else []),
        )
        for table, settings in stages:
            assert settings_of(implementation(table, settings), *context) == set(settings) - {"name"}, settings
        data = ("images", "alphas", "camera", "poses", "front_end", "progress")
        assert settings_of(map_builder.build_map, *data) == set(local["map"])
        # The trainer's are in its preset; training writes them all into the product.
        assert set(splat["trainer"]) >= {"preset"} and resolve_settings(splat["trainer"])
        maps = ("anomaly_map", "threshold", "rendered_mask", "test_mask")
        assert settings_of(regions.find_regions, *maps) == set(anomaly["regions"])
