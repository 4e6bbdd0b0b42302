import json

import numpy as np
import pytest

from pad_ros.anomaly.part_calibration import PartCalibration, calibrate_parts, general_prior

PLACES = 200


def good_view(rng, seen=0.5):
    """A view whose levels are normal, and no more."""
    levels = np.clip(np.rint(128 + 6 * rng.normal(size=PLACES)), 1, 255)
    return np.where(rng.random(PLACES) < seen, levels, 0).astype(np.uint8).tobytes()


def calibrated(rng, views=12, images=3, rate=0.01, **more):
    evidences = [good_view(rng) for _ in range(views * images)]
    return calibrate_parts(evidences, [n // images for n in range(views * images)], rate, **more)


def test_good_parts_are_rejected_no_more_often_than_asked_and_defects_are():
    rng = np.random.default_rng(0)
    calibration = calibrated(rng)
    good = [calibration.suspicion([good_view(rng) for _ in range(5)]) for _ in range(300)]
    assert np.mean(np.array(good) > calibration.limit(5)) <= 0.02
    bad = [np.frombuffer(good_view(rng, 1.0), np.uint8).copy() for _ in range(5)]
    for view in bad:
        view[17] = 128 + 30
    assert calibration.suspicion([view.tobytes() for view in bad]) > calibration.limit(5)


def test_more_views_are_surer():
    calibration = calibrated(np.random.default_rng(1))
    limits = [calibration.limit(count) for count in (1, 2, 4, 9)]
    assert limits == sorted(limits, reverse=True)
    assert calibration.limit(16) == calibration.limit(40)


def test_few_views_leave_the_prior_nearly_as_it_is():
    few, prior = calibrated(np.random.default_rng(2), views=2), general_prior(9)
    assert few.of_views(9) == prior  # parts of nine views cannot be put together
    added = few.of_views(2).weight - general_prior(2).weight  # one part, and not quite that
    assert 0 < added < 1


def test_images_of_the_line_correct_what_training_knew():
    rng = np.random.default_rng(3)
    training = calibrated(rng)
    line = [bytes(min(b + 10, 255) if b else 0 for b in good_view(rng)) for _ in range(9)]  # half a unit higher
    corrected = calibrate_parts(line, range(9), 0.01, training=training)
    assert corrected.level == training.level
    assert training.limit(5) < corrected.limit(5)


def test_survives_a_file_and_refuses_a_broken_one():
    calibration = calibrated(np.random.default_rng(4), views=3)
    content = json.loads(json.dumps(calibration.to_dict()))
    assert PartCalibration.from_dict(content) == calibration
    for change in ({"fused": {}}, {"false_reject_rate": 2}, {"level": {"floor": 0, "scale": 0}}, {"fused": {"2": 3}}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            PartCalibration.from_dict({**content, **change})


def test_the_same_views_give_the_same_calibration():
    assert calibrated(np.random.default_rng(5)) == calibrated(np.random.default_rng(5))
