import logging

import numpy as np
import pytest

from pad_ros.splatting.checkpoint import Checkpoint

STATE = {"means": np.arange(6, dtype=np.float32).reshape(2, 3), "rest": np.array('{"done": 3}')}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "checkpoint.npz"
    Checkpoint(path, every_s=0).save_when_due("this run", lambda: STATE)
    return path


def test_round_trip(path):
    loaded = Checkpoint(path).load("this run")
    assert set(loaded) == set(STATE)
    np.testing.assert_array_equal(loaded["means"], STATE["means"])
    assert str(loaded["rest"]) == str(STATE["rest"])


def test_the_state_of_another_run_is_ignored_with_a_notice(path, caplog):
    with caplog.at_level(logging.WARNING):
        assert Checkpoint(path).load("another run") is None
    assert "other settings or data" in caplog.text


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: b"", lambda data: b"nonsense" * 9])
def test_a_broken_file_is_ignored_with_a_notice(path, caplog, damage):
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert Checkpoint(path).load("this run") is None
    assert "truncated or altered" in caplog.text


def test_nothing_there_needs_no_notice(tmp_path, caplog):
    assert Checkpoint(tmp_path / "none.npz").load("this run") is None
    assert not caplog.text


def test_it_saves_only_now_and_then_and_cleans_up(path):
    before = path.read_bytes()
    checkpoint = Checkpoint(path, every_s=1000)
    checkpoint.save_when_due("this run", lambda: pytest.fail("not due yet"))
    assert path.read_bytes() == before
    checkpoint.remove()
    assert list(path.parent.iterdir()) == []
