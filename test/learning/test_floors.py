import numpy as np

from pad_ros.learning.floors import floor, laid_on


def test_floors_are_pictures_and_differ():
    floors = [floor((90, 120), np.random.default_rng(seed)) for seed in range(20)]
    for picture in floors:
        assert picture.shape == (90, 120, 3) and picture.dtype == np.float32
        assert picture.min() >= 0 and picture.max() <= 1 and picture.std() > 0.001
    means = np.array([picture.mean() for picture in floors])
    assert means.std() > 0.1
    np.testing.assert_array_equal(floors[0], floor((90, 120), np.random.default_rng(0)))


def test_the_part_is_kept_and_the_ground_is_shaded_beside_it():
    part = np.zeros((80, 80), bool)
    part[30:50, 30:50] = True
    image = np.where(part[..., None], (0.9, 0.2, 0.1), (0.1, 0.9, 0.1)).astype(np.float32)
    ground = np.full((80, 80, 3), 0.5, np.float32)
    for seed in range(5):
        picture = laid_on(image, part, ground, np.random.default_rng(seed))
        np.testing.assert_allclose(picture[33:47, 33:47], image[33:47, 33:47], atol=0.02)
        assert (picture[~part] <= 0.75).all() and picture[..., 1][
            ~part
        ].max() <= 0.51  # nothing of its own belt is left
        np.testing.assert_allclose(picture[:4, :4], 0.5, atol=0.1)
