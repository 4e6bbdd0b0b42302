import math

import pytest

from pad_ros.conveyor.policy import ViewVerdict, create_policy
from pad_ros.errors import ConfigError
from pad_ros.results import Status

NAN = float("nan")


def views(pattern: str) -> list[ViewVerdict]:
    """One view per letter: g good, b bad, u unjudged."""
    kinds = {"g": (Status.OK, 0.2, False), "b": (Status.OK, 0.9, True), "u": (Status.NOT_LOCALIZED, NAN, True)}
    return [ViewVerdict(index, *kinds[letter]) for index, letter in enumerate(pattern)]


@pytest.mark.parametrize(
    ("settings", "pattern", "missing", "reject"),
    [
        ({"name": "any"}, "ggg", 0, False),
        ({"name": "any"}, "ggb", 0, True),
        ({"name": "any"}, "ggu", 0, True),
        ({"name": "any"}, "gg", 1, True),
        ({"name": "any", "max_unjudged": 1}, "ggu", 0, False),
        ({"name": "any", "max_unjudged": 1}, "gg", 1, False),
        ({"name": "any", "max_unjudged": 1}, "gu", 1, True),
        ({"name": "any", "max_unjudged": 1}, "gbu", 0, True),
        ({"name": "any", "max_unjudged": 9}, "uu", 0, True),  # nothing was judged
        ({"name": "any", "max_unjudged": 9}, "", 3, True),
        ({"name": "votes", "votes": 2}, "ggb", 0, False),
        ({"name": "votes", "votes": 2}, "gbb", 0, True),
        ({"name": "votes", "votes": 2}, "ggu", 0, False),  # one unjudged is one vote
        ({"name": "votes", "votes": 2}, "gbu", 0, True),
        ({"name": "votes", "votes": 2, "max_unjudged": 1}, "gbu", 0, False),
        ({"name": "votes", "votes": 2}, "gg", 1, True),  # a view never came
    ],
)
def test_verdicts(settings, pattern, missing, reject):
    assert create_policy(settings).judge(views(pattern), missing).reject is reject


def test_the_reason_and_score_say_what_happened():
    verdict = create_policy({"name": "any"}).judge(views("gbu"), missing=2)
    assert verdict.reason == "1 of 5 views anomalous (worst: view 1); 1 without result (NOT_LOCALIZED); 2 never came"
    assert verdict.score == 0.9
    assert math.isnan(create_policy({"name": "any"}).judge(views("u")).score)
    assert create_policy({"name": "any"}).judge(views("g")).reason == "0 of 1 view anomalous"


def test_a_judged_view_without_a_score_is_not_good():
    assert create_policy({"name": "any"}).judge([ViewVerdict(0, Status.OK, NAN, False)]).reject


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "none"},
        {"name": "votes"},
        {"name": "votes", "votes": 0},
        {"name": "votes", "votes": 1.5},
        {"name": "any", "max_unjudged": -1},
        {"name": "any", "votes": 2},
    ],
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(ConfigError):
        create_policy(settings)
