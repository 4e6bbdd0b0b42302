import pytest

from pad_ros.common.registry import create
from pad_ros.errors import ConfigError

IMPLEMENTATIONS = {"fraction": "fractions:Fraction"}


def test_makes_the_named_class_with_its_settings():
    made = create("number", IMPLEMENTATIONS, {"name": "fraction", "numerator": 3, "denominator": 4})
    assert made == 0.75


def test_unknown_names_list_the_choices():
    with pytest.raises(ConfigError, match="number: no implementation 'decimal'; choose one of fraction"):
        create("number", IMPLEMENTATIONS, {"name": "decimal"})
    with pytest.raises(ConfigError, match="no implementation None"):
        create("number", IMPLEMENTATIONS, {})


def test_unknown_settings_are_refused():
    with pytest.raises(ConfigError, match=r"number 'fraction'.*'colour'"):
        create("number", IMPLEMENTATIONS, {"name": "fraction", "colour": 1})
