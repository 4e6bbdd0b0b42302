"""Independent tasks on the cores of this machine, or on a Dask or Ray cluster, by joblib."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import joblib

from pad_ros.common.progress import progress_bar
from pad_ros.errors import BuildError, ConfigError

T = TypeVar("T")
R = TypeVar("R")

BACKENDS = ("loky", "dask", "ray")

# A task's second argument is whether its progress is seen: whether it runs here and now, alone.
Function = Callable[[T, bool], R]

_THREADS_PER_TASK = 2  # that an inspection keeps busy


@dataclass(frozen=True)
class Backend:
    """Where tasks run: `loky` on this machine, `dask` or `ray` on a cluster.

    `jobs` is how many at a time; 0 for one per two cores, or for as many as a cluster that stands has room for.
    `address` is the cluster's scheduler; without it Dask and Ray look into their own configuration
    (`DASK_SCHEDULER_ADDRESS`, `RAY_ADDRESS`), and else start a cluster on this machine.
    """

    name: str = "loky"
    jobs: int = 0
    address: str = ""

    def run(self, function: Function[T, R], tasks: Sequence[T], title: str) -> list[R]:
        """Calls the function with each task and returns what it gave, in any order.

        What is passed to it and comes back travels between processes. Tasks see the same files at the same places.

        Raises:
            ConfigError: no backend of this name.
            BuildError: the cluster's library is not installed, or the cluster is not there.
        """
        if self.name not in BACKENDS:
            raise ConfigError(f"no backend {self.name!r}; choose from {', '.join(BACKENDS)}")
        if self.name == "loky" and self.address:
            raise ConfigError(f"backend 'loky' is this machine: for the cluster at {self.address}, choose dask or ray")
        if not tasks:
            return []
        jobs = self.jobs or max(1, joblib.cpu_count() // _THREADS_PER_TASK)
        if self.name == "loky" and min(jobs, len(tasks)) == 1:
            return [function(task, True) for task in tasks]
        with (
            _OPENERS[self.name](jobs, self.address) as workers,
            joblib.parallel_config(self.name, n_jobs=workers),
            progress_bar(title) as progress,
        ):
            progress(0, len(tasks), "")
            results: list[R] = []
            calls = (joblib.delayed(function)(task, False) for task in tasks)
            form = "list" if self.name == "ray" else "generator_unordered"  # Ray's backend knows no generators
            for result in joblib.Parallel(return_as=form)(calls):
                results.append(result)
                progress(len(results), len(tasks), "")
            return results


@contextmanager
def _this_machine(jobs: int, address: str) -> Iterator[int]:
    yield jobs


@contextmanager
def _dask(jobs: int, address: str) -> Iterator[int]:
    try:
        import dask
        from distributed import Client
    except ImportError:
        raise BuildError("backend 'dask' is not installed: `make cluster`") from None
    address = address or dask.config.get("scheduler-address", None) or ""
    try:
        client = Client(address) if address else Client(n_workers=jobs, threads_per_worker=1)
    except (OSError, ValueError) as error:
        raise BuildError(f"no Dask scheduler at {address}: {error}") from None
    with client:
        yield -1  # all workers


@contextmanager
def _ray(jobs: int, address: str) -> Iterator[int]:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError:
        raise BuildError("backend 'ray' is not installed: `make cluster`") from None
    standing = bool(address or os.environ.get("RAY_ADDRESS"))
    try:
        ray.init(address or None, num_cpus=None if standing else jobs, include_dashboard=False, log_to_driver=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise BuildError(f"no Ray cluster at {address or os.environ.get('RAY_ADDRESS')}: {error}") from None
    try:
        register_ray()
        yield -1  # all workers
    finally:
        ray.shutdown()


_OPENERS = {"loky": _this_machine, "dask": _dask, "ray": _ray}
