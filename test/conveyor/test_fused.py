import json
import math
from dataclasses import replace

import numpy as np
import pytest

from pad_ros.anomaly.calibration import Calibration
from pad_ros.anomaly.part import Level
from pad_ros.anomaly.part_calibration import PartCalibration, general_prior
from pad_ros.conveyor.parts import PartTracker
from pad_ros.conveyor.policy import IMPLEMENTATIONS, PolicyChoice, ViewVerdict, create_policy
from pad_ros.errors import ConfigError
from pad_ros.evaluation.summary import summarize
from pad_ros.results import Inspection, Status

PART = PartCalibration(0.01, Level(0.5, 0.3), {count: general_prior(count) for count in range(1, 10)})
CALIBRATION = Calibration(1.0, 0.01, (0.5, 0.6), part=PART)
GOOD = bytes([128] * 40)
BAD = bytes([128] * 39 + [170])


def policy(max_unjudged=0):
    return create_policy({"name": "fused", "calibration": CALIBRATION, "max_unjudged": max_unjudged})


def views(*evidences):
    kinds = {None: (Status.NOT_LOCALIZED, math.nan, True, b"")}
    return [ViewVerdict(i, *kinds.get(e, (Status.OK, 0.4 + 0.1 * i, False, e))) for i, e in enumerate(evidences)]


@pytest.mark.parametrize(
    ("evidences", "missing", "max_unjudged", "reject"),
    [
        ((GOOD, GOOD, GOOD), 0, 0, False),
        ((BAD, BAD, BAD), 0, 0, True),
        ((GOOD,), 0, 0, False),
        ((BAD, BAD, None), 0, 1, True),
        ((GOOD, GOOD, None), 0, 0, True),
        ((GOOD, GOOD, None), 0, 1, False),
        ((GOOD, GOOD), 1, 0, True),
        ((GOOD, GOOD), 1, 1, False),
        ((None, None), 0, 9, True),
        ((), 3, 9, True),
        ((GOOD, b""), 0, 0, True),  # a result of an older version
        ((GOOD, GOOD[:20]), 0, 0, True),  # a result of another product
        ((b"", b""), 0, 0, True),
    ],
)
def test_verdicts(evidences, missing, max_unjudged, reject):
    verdict = policy(max_unjudged).judge(views(*evidences), missing)
    assert verdict.reject is reject and verdict.reason
    assert verdict.suspicion > 1 if reject else verdict.suspicion < 1


def test_one_view_is_judged_by_itself():
    """So that a threshold that is set by hand holds where each part has one image."""
    good, bad = (ViewVerdict(0, Status.OK, score, score > 0.9, BAD) for score in (0.8, 1.2))
    assert not policy().judge([good]).reject
    assert policy().judge([good]).suspicion == pytest.approx(0.8)
    assert policy().judge([bad]).reject
    assert policy().judge([bad]).suspicion == pytest.approx(1.2)
    assert policy(1).judge([bad], missing=1).reject


def test_the_reason_says_what_was_found_and_the_limit():
    verdict = policy(1).judge(views(GOOD, BAD, None))
    said = "0 of 3 views anomalous; 1 without result (NOT_LOCALIZED); together 9.1, and good parts reach "
    assert verdict.reason == f"{said}{PART.limit(2):.1f}"
    assert verdict.score == 0.5
    assert math.isnan(policy().judge(views(None)).score)


def test_a_product_that_knows_nothing_of_parts_is_refused(product):
    old = replace(product, calibration=replace(product.calibration, part=None))
    with pytest.raises(ConfigError, match="says nothing of whole parts"):
        PolicyChoice("fused").create(old)
    with pytest.raises(ConfigError, match="no product was named"):
        PolicyChoice("fused").create()
    with pytest.raises(ConfigError, match="max_unjudged"):
        policy(max_unjudged=-1)


def test_other_policies_need_no_product():
    assert not PolicyChoice("any").create().judge(views(GOOD)).reject
    assert PolicyChoice("votes", votes=3).create().votes == 3
    assert set(IMPLEMENTATIONS) == {"any", "votes", "fused"}


@pytest.mark.parametrize(
    ("settings", "scores", "suspicion"),
    [
        ({"name": "any"}, (0.2, 0.9, 0.4), 0.9),
        ({"name": "votes", "votes": 2}, (0.2, 0.9, 0.4), 0.4),
        ({"name": "votes", "votes": 4}, (0.2, 0.9, 0.4), 0.0),
        ({"name": "any"}, (0.2, math.nan), math.inf),
        ({"name": "votes", "votes": 2}, (0.2, math.nan), 0.2),
    ],
)
def test_by_suspicion_parts_are_ranked(settings, scores, suspicion):
    judged = [ViewVerdict(i, Status(1 if math.isnan(s) else 0), s, s > 0.5) for i, s in enumerate(scores)]
    assert create_policy(settings).judge(judged).suspicion == suspicion


def test_the_conveyor_and_the_evaluation_judge_a_part_by_the_same_numbers():
    """Through the tracker as in the node, and through lines of results.jsonl as in `pad evaluate`."""
    rng = np.random.default_rng(0)
    tracker, rows, decisions = PartTracker(policy(), 10.0), [], []
    for part in range(12):
        level = 128 + 6 * part
        for view in range(3):
            evidence = rng.integers(1, level, 60).astype(np.uint8).tobytes()
            inspection = Inspection(
                Status.OK, score=0.3 + 0.1 * view, threshold=1.0, anomalous=False, evidence=evidence
            )
            rows.append(
                json.loads(json.dumps(inspection.to_dict()))
                | {"image": "", "part_id": str(part), "view_index": view, "view_count": 3}
            )
            decision = tracker.add(
                str(part), view, 3, Status.OK, inspection.score, False, part + view / 10, evidence=evidence
            )
        decisions.append(decision)
    verdicts = [part.verdict for part in summarize(rows, policy()).parts]
    assert [(d.reject, d.reason, d.score) for d in decisions] == [(v.reject, v.reason, v.score) for v in verdicts]
    assert 0 < sum(v.reject for v in verdicts) < 12
