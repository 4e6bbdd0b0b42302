"""What was chosen while a process ran."""

import pytest

from pad_ros.common.choices import Choices
from pad_ros.errors import ConfigError


def test_the_next_process_knows_the_choices_until_they_end(tmp_path):
    journal = str(tmp_path / "anomaly.journal")
    Choices(journal).keep(product="other", threshold=0.5)
    choices = Choices(journal)
    assert (choices.get("product"), choices.get("threshold"), choices.get("more")) == ("other", 0.5, None)
    choices.keep(threshold=None)
    assert Choices(journal).get("threshold") is None and Choices(journal).get("product") == "other"


def test_without_a_journal_they_end_with_the_process():
    choices = Choices("")
    choices.keep(product="other")
    assert choices.get("product") == "other" and Choices("").get("product") is None


def test_a_damaged_file_is_said(tmp_path):
    (tmp_path / "j.choices").write_text("{")
    with pytest.raises(ConfigError, match=r"j.choices cannot be used .*delete it"):
        Choices(str(tmp_path / "j"))
