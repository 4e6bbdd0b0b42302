import sys

import pytest

from pad_ros.errors import BuildError, ConfigError
from pad_ros.evaluation.backends import Backend


def doubling():
    """A function that travels by value: a cluster's workers do not know the tests."""

    def double(task, watched):
        return 2 * task, watched

    return double


double = doubling()


def test_one_at_a_time_runs_here_with_its_progress_seen():
    seen = []
    assert Backend(jobs=1).run(lambda task, watched: seen.append((task, watched)), [1, 2], "tasks") == [None, None]
    assert seen == [(1, True), (2, True)]
    assert Backend(jobs=8).run(double, [3], "tasks") == [(6, True)]
    assert Backend().run(double, [], "tasks") == []


def test_several_at_a_time_run_in_processes(capfd):
    assert sorted(Backend(jobs=2).run(double, [1, 2, 3], "tasks")) == [(2, False), (4, False), (6, False)]
    assert "tasks: 100%" in capfd.readouterr().err


@pytest.mark.slow
def test_ray_starts_a_cluster_where_there_is_none():
    pytest.importorskip("ray")
    assert sorted(Backend("ray", jobs=2).run(double, [1, 2, 3], "tasks")) == [(2, False), (4, False), (6, False)]


def test_what_is_not_there_is_said(monkeypatch):
    with pytest.raises(ConfigError, match="no backend 'slurm'; choose from loky, dask, ray"):
        Backend("slurm").run(double, [1], "tasks")
    with pytest.raises(ConfigError, match="choose dask or ray"):
        Backend("loky", address="tcp://127.0.0.1:1").run(double, [1], "tasks")
    for name, module in (("dask", "distributed"), ("ray", "ray")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(BuildError, match=f"backend '{name}' is not installed: `make cluster`"):
            Backend(name).run(double, [1], "tasks")


def test_a_scheduler_that_does_not_answer_is_said():
    dask = pytest.importorskip("dask")
    pytest.importorskip("distributed")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(BuildError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:1"),
    ):
        Backend("dask", address="tcp://127.0.0.1:1").run(double, [1], "tasks")
