import sys

import numpy as np
import pytest

from pad_ros.errors import BuildError, ConfigError
from pad_ros.splatting.cpu_engine import CpuEngine
from pad_ros.splatting.engine import GrowthScore, create_engine
from pad_ros.splatting.settings import TrainerSettings


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_score_is_the_mean_over_the_views_that_saw_it(kind):
    library = np if kind == "numpy" else pytest.importorskip("torch")
    array = np.array if kind == "numpy" else library.tensor
    score, other = GrowthScore(library.zeros(3)), GrowthScore(library.zeros(3))
    score.add(array([1.0, 0.0, 0.0]))
    score.add(array([3.0, 2.0, 0.0]))
    np.testing.assert_allclose(score.mean(), [2, 2, 0])
    other.restore(score.state())
    np.testing.assert_array_equal(other.mean(), score.mean())


def test_the_settings_name_the_engine():
    assert isinstance(create_engine(TrainerSettings(threads=1)), CpuEngine)
    with pytest.raises(ConfigError, match="rasterizer must be one of cpu, cuda, auto, got 'gpu'"):
        TrainerSettings(rasterizer="gpu")


def test_what_cuda_needs_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BuildError, match="no PyTorch"):
        create_engine(TrainerSettings(rasterizer="cuda"))
