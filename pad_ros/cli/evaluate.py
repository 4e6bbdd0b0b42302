"""`pad evaluate`: prints the paper's metrics for a data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from pad_ros.cli.options import DEFAULT_PROFILE
from pad_ros.common.progress import progress_bar, progress_bars
from pad_ros.dataset.classes import list_classes, read_class
from pad_ros.errors import ConfigError
from pad_ros.evaluation.evaluate import evaluate_class
from pad_ros.evaluation.report import write_report
from pad_ros.evaluation.results_writer import ResultWriter
from pad_ros.evaluation.tables import scores_table, timings_table, write_scores
from pad_ros.inspector import Inspector
from pad_ros.product import Product
from pad_ros.profiles import load_profile
from pad_ros.training import train_product


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("dataset", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    parser.add_argument("--class", dest="classes", action="append", help="class to evaluate; again for more (all)")
    parser.add_argument("--profile", default=DEFAULT_PROFILE, help="name, or a YAML file")
    parser.add_argument("--product", type=Path, help="use this product instead of training one")
    parser.add_argument("--background-free", action="store_true", help="judge the parts alone, over white")


def run(arguments: argparse.Namespace) -> None:
    """Runs the command."""
    profile = load_profile(arguments.profile)
    scores = []
    for root in list_classes(arguments.dataset):
        if arguments.classes and root.name not in arguments.classes:
            continue
        data = read_class(root)
        if arguments.product:
            product = Product.load(arguments.product)
        elif (arguments.output / "products" / root.name / "product.yaml").is_file():
            product = Product.load(arguments.output / "products" / root.name)
        else:
            with progress_bars() as stage:
                product = train_product(data, profile, arguments.output / "products" / root.name, stage=stage)
        folder = arguments.output / root.name
        with ResultWriter(folder) as writer, progress_bar(root.name) as progress:
            scores.append(
                evaluate_class(
                    data,
                    Inspector(product),
                    background_free=arguments.background_free,
                    min_area=product.profile["anomaly"]["regions"].get("min_area", 1),
                    writer=writer,
                    progress=progress,
                )
            )
        write_report(folder, title=root.name)
    if not scores:
        raise ConfigError(f"{arguments.dataset}: none of the classes {arguments.classes} is there")
    write_scores(arguments.output, scores)
    print(scores_table(scores), timings_table(scores), sep="\n\n")
