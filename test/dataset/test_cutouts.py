import cv2
import numpy as np

from pad_ros.dataset.cutouts import white_cutout
from pad_ros.images import decode_image


def test_white_ground_seen_through_a_hole_is_ground():
    image = np.full((40, 40, 3), 255, np.uint8)
    image[5:35, 5:35] = (180, 40, 40)
    image[10:16, 10:16] = 255  # a hole
    image[9, 9:17] = 251  # its rim, mixed with a little of the part
    image[20:26, 10:16] = 252  # a white brick in the shade
    image[20, 20] = 255  # a glint
    image[30, 20:23] = 255
    image[5:12, 25:35] = 252  # another white brick, beside the ground
    alpha = white_cutout(image)
    assert not alpha[10:16, 10:16].any() and not alpha[9, 9:17].any()
    assert alpha[20:26, 10:16].all() and alpha[20, 20] and alpha[30, 20:23].all()
    assert not alpha[:5].any() and alpha[7:12, 25:33].all()


def test_white_ground_is_found_in_a_jpeg_too():
    rows, columns = np.mgrid[:160, :160]
    distance = np.hypot(rows - 80, columns - 80)[..., None]
    part = np.clip(np.minimum(60 - distance, distance - 25) + 0.5, 0, 1)  # a ring, smooth at its edges
    image = np.rint(255 + part * (np.array([60.0, 90, 140]) - 255)).astype(np.uint8)
    jpeg = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    truth = part[..., 0] > 0
    assert white_cutout(image)[truth].mean() > 0.99 and not white_cutout(image)[~truth].any()
    alpha = white_cutout(decode_image(jpeg))
    assert alpha[truth].mean() > 0.98 and alpha[~truth].mean() < 0.04  # ripples next to the edges
