"""`pad train`: makes a product from photos of the good part with poses."""

from __future__ import annotations

import argparse
from pathlib import Path

from pad_ros.cli.options import DEFAULT_PROFILE
from pad_ros.common.progress import progress_bars
from pad_ros.dataset.classes import read_class
from pad_ros.profiles import load_profile
from pad_ros.training import train_product


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET/CLASS")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PRODUCT")
    parser.add_argument("--profile", default=DEFAULT_PROFILE, help="name, or a YAML file")
    parser.add_argument("--preset", help="of the splats' training, instead of the profile's: fast or paper")
    parser.add_argument("--rasterizer", help="that trains the splats: cpu, cuda on an NVIDIA GPU, or auto")
    parser.add_argument("--name", help="of the product (the class's)")
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> None:
    """Runs the command."""
    data = read_class(arguments.dataset)
    profile = load_profile(arguments.profile)
    if arguments.preset:
        profile["splatting"]["trainer"] = {"preset": arguments.preset}
    if arguments.rasterizer:
        profile["splatting"]["trainer"]["rasterizer"] = arguments.rasterizer
    with progress_bars() as stage:
        product = train_product(data, profile, arguments.output, name=arguments.name, seed=arguments.seed, stage=stage)
    megabytes = sum(path.stat().st_size for path in arguments.output.iterdir()) / 1e6
    print(
        f"{arguments.output}: {product.name}, {len(product.gaussians)} Gaussians, "
        f"{len(product.sfm_map.points)} map points, threshold {product.calibration.threshold:.4g}, {megabytes:.1f} MB"
    )
    print(product.calibration.confidence())
