"""`pad inspect`: inspects images without ROS."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from pad_ros.cli.options import add_policy_arguments, image_paths, policy_from
from pad_ros.common.files import shown
from pad_ros.common.progress import progress_bar
from pad_ros.errors import PadError
from pad_ros.evaluation.report import write_report
from pad_ros.evaluation.results_writer import ResultWriter, read_results
from pad_ros.evaluation.summary import summarize
from pad_ros.images import read_image
from pad_ros.inspector import Inspector
from pad_ros.product import Product
from pad_ros.results import Inspection, Status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("product", type=Path)
    parser.add_argument("images", type=Path, nargs="+", help="files or folders")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    add_policy_arguments(parser)
    parser.add_argument("--save-maps", action="store_true", help="also write the float32 anomaly maps")
    parser.add_argument("--records", type=Path, metavar="DIR", help="keep the verdicts in these records too")
    parser.add_argument("--station", default="", help="name of this machine in the records (the host's name)")


def run(arguments: argparse.Namespace) -> None:
    """Runs the command."""
    product = Product.load(arguments.product)
    inspector, policy = Inspector(product), policy_from(arguments).create(product)
    paths = image_paths(arguments.images)
    with (
        _records(arguments, inspector.product) as keep,
        ResultWriter(arguments.output, save_maps=arguments.save_maps) as writer,
        progress_bar("inspect") as progress,
    ):
        for index, path in enumerate(paths):
            try:
                image = read_image(path)
                inspection = inspector.inspect(image)
            except PadError as error:  # an unreadable file gets its result too
                image, inspection = None, Inspection(Status.of(error), str(error))
            writer.add(shown(path), image, inspection)
            keep(path, inspection)
            progress(index + 1, len(paths), inspection.status.name)
    print(f"report: {write_report(arguments.output, product.name, policy, product.calibration)}")
    print(summarize(read_results(arguments.output), policy).line())


def _records(
    arguments: argparse.Namespace, product: Product
) -> AbstractContextManager[Callable[[Path, Inspection], object]]:
    if arguments.records is None:
        return nullcontext(lambda path, inspection: None)
    from pad_ros.records.recorder import recording  # SQLAlchemy takes its time to load

    return recording(arguments.records, arguments.station, product, arguments.product)
