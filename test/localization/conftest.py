import pytest
import textured_box

from pad_ros.localization.front_end import create_front_end
from pad_ros.localization.map_builder import build_map
from pad_ros.localization.sfm_map import SfmMap


@pytest.fixture(scope="session")
def box_map() -> SfmMap:
    images, masks, poses = textured_box.train_views(36)
    return build_map(images, masks, textured_box.CAMERA, poses, create_front_end({"features": {"name": "sift"}}))
