import json
import math

import numpy as np
import pytest

from pad_ros.anomaly.calibration import Calibration, calibrate
from pad_ros.anomaly.part import Level
from pad_ros.anomaly.part_calibration import PartCalibration, general_prior
from pad_ros.errors import ConfigError, ProductError


@pytest.mark.parametrize(("count", "rate"), [(10, 0.05), (20, 0.01), (100, 0.01)])
def test_new_good_parts_are_rejected_as_often_as_wanted(count, rate):
    """Over many calibrations with few scores, the rate on new scores is the wanted one, or lower."""
    rng = np.random.default_rng(0)
    rejected = []
    for _ in range(400):
        scores = np.exp(rng.normal(0.5, 0.3, count))
        rejected.append((np.exp(rng.normal(0.5, 0.3, 500)) > calibrate(scores, rate).threshold).mean())
    assert 0.3 * rate < np.mean(rejected) < 1.2 * rate


def test_few_scores_give_more_margin():
    few, many = np.linspace(1, 2, 8), np.linspace(1, 2, 80)
    assert calibrate(few, 0.01).threshold > calibrate(many, 0.01).threshold > 2.0


def test_a_heavy_tail_raises_the_threshold_above_the_model():
    scores = [1.0] * 40 + [1.01] * 40 + [9.0] * 3
    assert calibrate(scores, 0.01).threshold >= 9.0
    assert calibrate(scores, 0.2).threshold < 9.0


def test_scale_does_not_matter():
    scores = np.random.default_rng(1).gamma(5, 1, 20)
    assert calibrate(scores * 1e-3, 0.01).threshold == pytest.approx(1e-3 * calibrate(scores, 0.01).threshold)


def test_equal_scores_and_single_zeros_are_fine():
    assert calibrate([2.0] * 10, 0.01).threshold == pytest.approx(2.0)
    assert math.isfinite(calibrate([0.0, *([1.0] * 9)], 0.01).threshold)


@pytest.mark.parametrize(("count", "rate", "quantile"), [(8, 0.1, 1.4149), (10, 0.05, 1.8331), (10, 0.01, 2.8214)])
def test_the_prediction_limit_has_the_quantile_of_a_printed_table(count, rate, quantile):
    scores = np.exp([1.0, -1.0] * (count // 2))
    spread = math.sqrt(count / (count - 1)) * math.sqrt(1 + 1 / count)
    assert math.log(calibrate(scores, rate).threshold) == pytest.approx(quantile * spread, abs=1e-3)


@pytest.mark.parametrize(
    ("scores", "rate", "message"),
    [
        ([1.0] * 7, 0.01, "8 good images"),
        ([1.0] * 9 + [math.nan], 0.01, "finite"),
        ([1.0] * 9 + [math.inf], 0.01, "finite"),
        ([1.0] * 9 + [-1.0], 0.01, ">= 0"),
        ([0.0] * 9, 0.01, "all scores"),
        ([1.0] * 9, 0.0, "false_reject_rate"),
        ([1.0] * 9, 0.9, "false_reject_rate"),
        ([1.0] * 9, math.nan, "false_reject_rate"),
    ],
)
def test_refuses_what_gives_no_threshold(scores, rate, message):
    with pytest.raises(ConfigError, match=message):
        calibrate(scores, rate)


def test_survives_a_file():
    calibration = calibrate(np.linspace(2, 1, 12), 0.02)
    assert list(calibration.scores) == sorted(calibration.scores)
    assert Calibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": math.nan},
        {"threshold": -1},
        {"threshold": "high"},
        {"threshold": None},
        {"false_reject_rate": 0},
        {"scores": [1, math.inf]},
        {"scores": 3},
        {"scores": None},
    ],
)
def test_refuses_broken_files(change):
    content = {**calibrate([1.0, 2.0] * 5, 0.01).to_dict(), **change}
    with pytest.raises(ProductError, match="calibrate again"):
        Calibration.from_dict(content)


@pytest.mark.parametrize("content", [None, [], {}, {"threshold": 1.0}])
def test_refuses_incomplete_files(content):
    with pytest.raises(ProductError):
        Calibration.from_dict(content)


def test_no_threshold_is_below_the_least():
    scores = np.random.default_rng(0).lognormal(0, 0.01, 40)
    low = calibrate(scores, 0.01)
    assert low.threshold < 1.1
    assert (
        calibrate(scores, 0.01, least=3.5).threshold
        == 3.5
        == calibrate(scores, 0.01, training=low, least=3.5).threshold
    )
    assert calibrate(100 * scores, 0.01, least=3.5).threshold == pytest.approx(100 * low.threshold)
    with pytest.raises(ConfigError, match="least_threshold"):
        calibrate(scores, 0.01, least=-1)


def test_no_confidence_is_beyond_what_tails_are_known_for():
    far_above = calibrate(np.exp(np.random.default_rng(0).normal(0, 0.01, 20)), least=50.0)
    assert far_above.bound < 1e-12
    assert "at most 0.01 % if scores are log-normal" in far_above.confidence()


@pytest.mark.parametrize(("scale", "known"), [(0.3, True), (0.09, False)])
def test_what_older_versions_knew_of_parts_does_not_judge_them(scale, known):
    part = PartCalibration(0.01, Level(0.3, scale), {1: general_prior(1)})
    calibration = Calibration(1.0, 0.01, (0.5, 0.6), part=part)
    assert Calibration.from_dict(calibration.to_dict()).part == (part if known else None)
