import numpy as np
import pytest

from pad_ros.anomaly.prediction import Prediction, drawn_in, independent_count


@pytest.mark.parametrize("count", [5, 12, 40])
def test_the_next_value_is_above_the_limit_as_often_as_said(count):
    rng = np.random.default_rng(0)
    above = [rng.normal(3, 2) > Prediction.of(rng.normal(3, 2, count)).limit(0.1) for _ in range(4000)]
    assert np.mean(above) == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize("count", [8, 30])
def test_the_bound_holds_as_often_as_said(count):
    """The true share above a value is below its bound in 95 of 100 samples."""
    rng = np.random.default_rng(1)
    held = [Prediction.of(rng.normal(0, 1, count)).bound(1.6448536, 0.95) >= 0.05 for _ in range(1000)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_the_bound_has_the_factor_of_a_printed_table():
    """One-sided tolerance limits of 10 values for 95 % of all with 95 % confidence: mean + 2.911 s."""
    prediction = Prediction(0.0, 1.0, 10.0, 9.0)
    assert prediction.bound(2.911, 0.95) == pytest.approx(0.05, abs=2e-4)


def test_tail_and_limit_are_of_one_distribution():
    prediction = Prediction(1.0, 0.5, 4.0, 7.0)
    assert prediction.tail(prediction.limit(0.03)) == pytest.approx(0.03)


def test_a_prior_gives_way_to_values():
    prior, rng = Prediction(0.0, 1.0, 2.0, 10.0), np.random.default_rng(2)
    few, many = prior.updated(rng.normal(3, 0.5, 3)), prior.updated(rng.normal(3, 0.5, 300))
    assert 1.2 < few.mean < 2.6 and few.spread > 0.9
    assert many.mean == pytest.approx(3, abs=0.15) and many.spread == pytest.approx(0.5, abs=0.15)
    one = prior.updated(np.array([0.3]))
    assert one.weight == 3 and one.freedom == 11


def test_equal_values_leave_a_limit():
    assert Prediction.of(np.full(9, 2.0)).limit(0.01) == pytest.approx(2.0)
    assert Prediction.of(np.full(9, 2.0)).bound(3.0, 0.95) < 1e-6


def test_values_of_one_group_are_worth_less():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(12), 5)
    alike = rng.normal(size=12)[groups] + 0.01 * rng.normal(size=60)
    assert independent_count(alike, groups.tolist()) == pytest.approx(12, rel=0.02)
    assert independent_count(rng.normal(size=60), groups.tolist()) > 40
    assert independent_count(alike[:5], [0, 1, 2, 3, 4]) == 5
    assert independent_count(alike[:5], [0] * 5) == 1


def test_outliers_are_drawn_in():
    values = np.array([0.9, 1.0, 1.1, 1.0, 0.95, 50.0])
    assert drawn_in(values, 3.0).max() < 1.5
    np.testing.assert_array_equal(drawn_in(values, 3.0)[:5], values[:5])
    np.testing.assert_array_equal(drawn_in(np.array([1.0, 1.0, 1.0, 9.0]), 3.0), [1.0, 1.0, 1.0, 9.0])


@pytest.mark.parametrize("change", [{"spread": 0}, {"mean": float("nan")}, {"weight": -1}, {"freedom": "many"}])
def test_refuses_what_is_impossible(change):
    with pytest.raises(ValueError):
        Prediction.from_dict({**Prediction(1.0, 1.0, 1.0, 1.0).to_dict(), **change})
