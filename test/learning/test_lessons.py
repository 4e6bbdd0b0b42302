import numpy as np
import pytest

from pad_ros.errors import DatasetError
from pad_ros.learning.lessons import Lesson, with_stripe


def test_a_lesson_is_read_as_it_was_written(lesson, tmp_path):
    lesson.save(tmp_path)
    again = Lesson.load(tmp_path)
    for name in ("images", "backgrounds", "object_masks", "defects", "poses", "parts", "variants"):
        np.testing.assert_array_equal(getattr(again, name), getattr(lesson, name))
    assert again.camera == lesson.camera and len(again.gaussians) == len(lesson.gaussians)
    with pytest.raises(DatasetError, match="no lesson"):
        Lesson.load(tmp_path / "nothing")


def test_a_stripe_runs_behind_the_part(lesson):
    part = lesson.object_masks[0]
    striped = with_stripe(lesson.images[0], part, np.random.default_rng(0))
    changed = (striped != lesson.images[0]).any(axis=2)
    assert changed.any() and not changed[part].any()
