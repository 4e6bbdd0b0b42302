import numpy as np

from pad_ros.background.segmentation.surroundings import shows_background


def belt(seed=0):
    return np.clip(np.random.default_rng(seed).normal(110, 6, (200, 200, 3)), 0, 255).astype(np.uint8)


def test_where_the_belt_shows_inside_the_mask_something_is_missing():
    image, mask = belt(), np.zeros((200, 200), bool)
    mask[60:140, 60:140] = True
    image[mask] = 200, 40, 30
    missing, recoloured = np.s_[60:80, 60:140], np.s_[120:140, 60:140]
    image[missing] = belt(1)[missing]
    image[recoloured] = 30, 60, 200
    shown = shows_background(image, mask)
    assert shown[missing].mean() > 0.9 and not shown[~mask].any()
    assert not shown[80:140, 60:140].any()


def test_where_no_background_is_in_sight_nothing_is_known_to_be_missing():
    assert not shows_background(belt(), np.ones((200, 200), bool)).any()
