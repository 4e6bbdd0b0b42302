"""A lesson on the sample's product: six images of its bag, with the poses that the localiser finds."""

import numpy as np
import pytest


@pytest.fixture(scope="package")
def lesson(inspector, sample_images):
    from pad_ros.learning.lessons import Lesson

    rows = []
    for _, _, image in sample_images[:6]:
        pose = inspector.localize(image).object_from_camera
        background = inspector.separate(image, inspector.render(pose))
        defect = np.zeros(image.shape[:2], bool)
        rows.append((image, background.image, background.object_mask, defect, pose))
    columns = (np.stack(column) for column in zip(*rows, strict=True))
    product = inspector.product
    return Lesson(product.gaussians, product.camera, *columns, np.arange(6) // 2, np.zeros(6, int))
