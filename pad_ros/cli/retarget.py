"""`pad retarget`: makes a product fit another camera."""

from __future__ import annotations

import argparse
from pathlib import Path

from pad_ros.adapting import calibrate_product, retarget_product
from pad_ros.cli.options import image_paths
from pad_ros.common.progress import progress_bar
from pad_ros.dataset.camera_info import read_camera_info
from pad_ros.errors import ConfigError
from pad_ros.images import read_image
from pad_ros.product import PREVIEW, Product


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("product", type=Path)
    parser.add_argument("images", type=Path, nargs="*", help="of good parts by that camera, for a new threshold")
    parser.add_argument("--camera-info", type=Path, required=True, metavar="FILE", help="camera_calibration's YAML")
    parser.add_argument("-o", "--output", type=Path, metavar="NEW", help="the new product (the old one is replaced)")


def run(arguments: argparse.Namespace) -> None:
    """Runs the command."""
    if arguments.output and arguments.output.resolve() != arguments.product.resolve() and arguments.output.exists():
        raise ConfigError(f"{arguments.output}: exists already; choose another folder, or delete it")
    old = Product.load(arguments.product)
    product, finer = retarget_product(old, read_camera_info(arguments.camera_info))
    if arguments.images:
        paths = image_paths(arguments.images)
        with progress_bar("threshold") as progress:
            product = calibrate_product(product, paths, product.profile["calibration"]["false_reject_rate"], progress)
    folder = arguments.output or arguments.product
    preview = arguments.product / PREVIEW  # the splats are as they were, and so is their picture
    product.save(folder, read_image(preview) if preview.is_file() else None)
    camera = product.camera
    print(
        f"{folder}: for {camera.width}x{camera.height}, f {camera.fx:.1f} px ({finer:.2f} of before), "
        f"{product.lens.model}"
    )
    if arguments.images:
        print(f"threshold {old.calibration.threshold:.4g} -> {product.calibration.threshold:.4g}")
    else:
        print(f"its threshold is the old camera's; set it from good parts: `pad calibrate {folder} GOOD_IMAGES`")
