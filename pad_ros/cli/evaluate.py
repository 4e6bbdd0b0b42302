"""`pad evaluate`: the paper's tables and figures for a data set, by one method or several."""

from __future__ import annotations

import argparse
from pathlib import Path

from pad_ros.cli.options import DEFAULT_PROFILE, add_policy_arguments, policy_from
from pad_ros.common.progress import progress_bar
from pad_ros.dataset.classes import list_classes, read_class
from pad_ros.errors import ConfigError
from pad_ros.evaluation.backends import BACKENDS, Backend
from pad_ros.evaluation.figures import draw_figures
from pad_ros.evaluation.methods import METHODS
from pad_ros.evaluation.sweep import check_products, plan, raise_failures, sweep
from pad_ros.evaluation.tables import data_set_table, paper_tables, write_scores
from pad_ros.profiles import load_profile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("dataset", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    parser.add_argument("--class", dest="classes", action="append", help="class to evaluate; again for more (all)")
    parser.add_argument(
        "--method", dest="methods", nargs="+", action="extend", choices=METHODS, metavar="NAME", help=_methods_help()
    )
    parser.add_argument("--runs", type=int, default=1, help="products per class, each trained with another seed")
    parser.add_argument("--profile", default=DEFAULT_PROFILE, help="name, or a YAML file")
    parser.add_argument(
        "--product",
        type=Path,
        help="take this product, or those in CLASS or CLASS/run_N below, instead of training",
    )
    add_policy_arguments(parser)
    parser.add_argument("--jobs", type=int, default=0, help="how many at a time (one per two cores; a cluster's room)")
    parser.add_argument("--backend", default="loky", choices=BACKENDS, help="this machine, or a cluster")
    parser.add_argument("--cluster", default="", metavar="ADDRESS", help="of Dask's scheduler or Ray's head")


def run(arguments: argparse.Namespace) -> None:
    """Runs the command."""
    profile = load_profile(arguments.profile)
    roots = [
        root.resolve()
        for root in list_classes(arguments.dataset)
        if not arguments.classes or root.name in arguments.classes
    ]
    if not roots:
        raise ConfigError(f"{arguments.dataset}: none of the classes {arguments.classes} is there")
    classes = [read_class(root) for root in roots]
    out = arguments.output.resolve()  # workers have folders of their own
    methods = list(dict.fromkeys(arguments.methods or ["pad"]))
    products = arguments.product.resolve() if arguments.product else None
    jobs = plan(classes, methods, arguments.runs, out, products, policy_from(arguments))
    if not arguments.product:
        check_products(jobs, profile)
    backend = Backend(arguments.backend, arguments.jobs, arguments.cluster)
    finished, failures = sweep(jobs, profile, backend)
    if finished:
        scores = [own for _, own in finished]
        write_scores(arguments.output, scores, data_set_table(classes, markdown=True))
        with progress_bar("figures") as progress:
            figures = draw_figures(arguments.output, finished, progress)
        for title, table in paper_tables(scores, data_set_table(classes)):
            print(f"{title}\n{table}\n")
        print(f"{arguments.output}: scores.json, scores.md{''.join(f', {path.name}' for path in figures)}")
    raise_failures(failures, len(jobs))


def _methods_help() -> str:
    return "; ".join(f"{name}: {method.title}" for name, method in METHODS.items()) + " (pad)"
