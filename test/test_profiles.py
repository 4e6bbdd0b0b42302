import pytest
import yaml

from pad_ros.errors import ConfigError
from pad_ros.profiles import STRUCTURE, list_profiles, load_profile


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
        (lambda p: p.pop("anomaly"), "no settings for anomaly.backbone"),
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
