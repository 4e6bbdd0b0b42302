import numpy as np
import pytest

from pad_ros.anomaly.calibration import calibrate
from pad_ros.evaluation.drift import drift_of
from pad_ros.evaluation.report import write_report
from pad_ros.evaluation.results_writer import ResultWriter
from pad_ros.results import Inspection, Status


def scores(count, factor=1.0, seed=0):
    return (factor * np.exp(np.random.default_rng(seed).normal(0, 0.25, count))).tolist()


CALIBRATION = calibrate(scores(40), 0.01)


@pytest.mark.parametrize(("factor", "drifted"), [(1.0, False), (1.05, False), (1.5, True), (0.6, True)])
def test_scores_that_moved_have_drifted(factor, drifted):
    drift = drift_of(CALIBRATION, scores(30, factor, seed=1))
    assert drift.drifted is drifted
    assert drift.ratio == pytest.approx(factor, rel=0.15)
    assert ("pad calibrate" in drift.line()) is drifted


def test_chance_is_no_drift():
    said = [drift_of(CALIBRATION, scores(20, seed=seed)).drifted for seed in range(1, 200)]
    assert np.mean(said) < 0.03


def test_of_few_images_nothing_is_said():
    assert drift_of(CALIBRATION, scores(5, 3.0)) is None and drift_of(CALIBRATION, []) is None


def test_the_report_says_how_far_the_threshold_holds_and_whether_scores_drift(tmp_path):
    for factor, said in ((1.0, "are like those that the threshold comes from"), (1.6, "drift from those")):
        with ResultWriter(tmp_path) as writer:
            for index, score in enumerate(scores(30, factor, seed=1)):
                limit = CALIBRATION.threshold
                anomalous = score > limit
                writer.add(f"{index}.png", None, Inspection(Status.OK, "", score, limit, anomalous))
        page = write_report(tmp_path, calibration=CALIBRATION).read_text()
        assert said in page and "asked 1 % false rejects; with 95% confidence at most" in page
    assert "false rejects" not in write_report(tmp_path).read_text()
