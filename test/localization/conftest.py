import pytest
import textured_box

from pad_ros.localization.sfm_map import SfmMap, build_map
from pad_ros.localization.sift import SiftFeatures


@pytest.fixture(scope="session")
def box_map() -> SfmMap:
    images, masks, poses = textured_box.train_views(36)
    return build_map(images, masks, textured_box.CAMERA, poses, SiftFeatures())
