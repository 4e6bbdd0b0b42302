"""`pad calibrate`: sets the threshold from images of good parts alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from pad_ros.cli.options import image_paths
from pad_ros.common.progress import progress_bar
from pad_ros.images import read_image
from pad_ros.product import Product
from pad_ros.training import calibrate_product


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("product", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--false-reject-rate", type=float, help="share of good images that may be rejected")


def run(arguments: argparse.Namespace) -> None:
    """Runs the command."""
    product = Product.load(arguments.product)
    rate = arguments.false_reject_rate
    if rate is None:
        rate = product.profile["calibration"]["false_reject_rate"]
    images = [read_image(path) for path in image_paths(arguments.images)]
    with progress_bar("threshold") as progress:
        calibrated = calibrate_product(product, images, rate, progress)
    calibrated.save(arguments.product)
    old, new = product.calibration.threshold, calibrated.calibration.threshold
    print(f"{arguments.product}: threshold {old:.4g} -> {new:.4g} from {len(images)} good images")
