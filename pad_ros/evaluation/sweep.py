"""Comparing methods: every class, by every method, with every run's product (paper, section 4.2: means over runs)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pad_ros.conveyor.policy import PolicyChoice
from pad_ros.dataset.classes import ClassData
from pad_ros.errors import ConfigError, EvaluationError
from pad_ros.evaluation.backends import Backend
from pad_ros.evaluation.evaluate import check_class
from pad_ros.evaluation.jobs import Finished, Job, Training, data_digest, judge, train
from pad_ros.evaluation.methods import find_method
from pad_ros.product import MANIFEST, Product
from pad_ros.splatting.settings import describe_settings, resolve_settings


def plan(
    classes: Iterable[ClassData],
    methods: Sequence[str],
    runs: int,
    out: Path,
    products: Path | None = None,
    policy: PolicyChoice | None = None,
) -> list[Job]:
    """The jobs of a sweep, in the order of their tables.

    Args:
        classes: what is judged.
        methods: names, see `pad_ros.evaluation.methods`.
        runs: how many products of each class.
        out: results go to `CLASS/METHOD/run_N` in it, and products to `products/CLASS/run_N`.
        products: a product, or a folder of them (`CLASS/run_N` or `CLASS`), instead of training.
        policy: when a part is rejected; `fused` when None.

    Raises:
        ConfigError: an unknown method, no run, or a product that is not where it should be.
        DatasetError: a ground-truth mask is missing, or what the background-free variant is made of.
        EvaluationError: a test set lacks good or anomalous images.
    """
    if runs < 1:
        raise ConfigError(f"runs must be 1 or more, got {runs}")
    jobs = []
    for data in classes:
        for background_free in {find_method(name).background_free for name in methods}:
            check_class(data, background_free)
        name, digest = data.root.name, data_digest(data)
        for run in range(runs):
            product = _given(products, name, run) if products else out / "products" / name / f"run_{run}"
            jobs += [
                Job(
                    data.root,
                    digest,
                    method,
                    run,
                    product,
                    out / name / method / f"run_{run}",
                    policy or PolicyChoice(),
                )
                for method in methods
            ]
    return jobs


def sweep(jobs: Sequence[Job], profile: dict[str, Any], backend: Backend) -> tuple[list[Finished], list[str]]:
    """Does what is not finished yet: trains the products that are not there, then judges.

    Returns:
        The jobs that stand finished, with their scores, and why others do not: those can be done by calling again.

    Raises:
        ConfigError: a product that is there comes from another profile or seed.
        BuildError: the cluster is not there.
    """
    missing = [job for job in {job.product: job for job in jobs}.values() if not (job.product / MANIFEST).is_file()]
    failures = backend.run(train, [Training(job.root, profile, job.product, job.run) for job in missing], "products")
    able = [job for job in jobs if (job.product / MANIFEST).is_file()]
    failures += backend.run(judge, [job for job in able if job.scores() is None], "jobs")
    finished = [(job, scores) for job in able if (scores := job.scores()) is not None]
    return finished, list(filter(None, failures))


def check_products(jobs: Sequence[Job], profile: dict[str, Any]) -> None:
    """Refuses products of an earlier sweep that this one would have trained otherwise.

    Raises:
        ConfigError: one was trained with another profile or seed.
    """
    trainer = describe_settings(resolve_settings(profile["splatting"]["trainer"]))
    wanted = {**profile, "splatting": {**profile["splatting"], "trainer": trainer}}
    for folder, run in {job.product: job.run for job in jobs}.items():
        if not (folder / MANIFEST).is_file():
            continue
        product = Product.load(folder)
        if product.profile != wanted or product.provenance.get("seed") != run:
            raise ConfigError(
                f"{folder} was trained with another profile or seed; give it as --product, delete it, or choose "
                "another folder for the results"
            )


def raise_failures(failures: Sequence[str], jobs: int) -> None:
    """Says what could not be done.

    Raises:
        EvaluationError: something.
    """
    if failures:
        listed = "".join(f"\n  {failure}" for failure in failures)
        raise EvaluationError(f"{len(failures)} of {jobs} failed; call it again to go on with them:{listed}")


def _given(products: Path, name: str, run: int) -> Path:
    places = [products / name / f"run_{run}", *([products / name, products] if run == 0 else [])]
    for folder in places:
        if (folder / MANIFEST).is_file():
            return folder
    raise ConfigError(f"no product for run {run} of class {name}: looked in {', '.join(map(str, places))}")
