import importlib.util
from pathlib import Path

import pytest
import textured_box

import pad_ros
from pad_ros.localization.front_end import create_front_end
from pad_ros.localization.map_builder import build_map
from pad_ros.localization.sfm_map import SfmMap

TOOL = Path(pad_ros.__file__).resolve().parent.parent / "tools" / "stand_in_weights.py"


@pytest.fixture(scope="session")
def box_map() -> SfmMap:
    images, masks, poses = textured_box.train_views(36)
    return build_map(images, masks, textured_box.CAMERA, poses, create_front_end({"features": {"name": "sift"}}))


@pytest.fixture(scope="session")
def stand_in_weights(tmp_path_factory):
    """Called with names of weights, writes networks of the real architecture drawn at random; returns their folder."""
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("stand_in_weights", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    folder = tmp_path_factory.mktemp("weights")

    def write(*names):
        for name in names:
            if not (folder / name).is_dir():
                tool.write_stand_ins(folder, name)
        return folder

    return write
