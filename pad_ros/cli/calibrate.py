"""`pad calibrate`: sets the threshold from images of good parts alone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pad_ros.adapting import calibrate_product
from pad_ros.cli.options import image_paths
from pad_ros.common.progress import progress_bar
from pad_ros.errors import ConfigError
from pad_ros.product import Product

_MUCH = 2.5  # from so many times the old threshold on, somebody must say that it is right


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("product", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--false-reject-rate", type=float, help="share of good images that may be rejected")
    parser.add_argument("--yes", action="store_true", help="take also a threshold that is much higher than before")


def run(arguments: argparse.Namespace) -> None:
    """Runs the command."""
    product = Product.load(arguments.product)
    rate = arguments.false_reject_rate
    if rate is None:
        rate = product.profile["calibration"]["false_reject_rate"]
    paths = image_paths(arguments.images)
    with progress_bar("threshold") as progress:
        calibrated = calibrate_product(product, paths, rate, progress)
    old, new = product.calibration.threshold, calibrated.calibration.threshold
    scores = calibrated.calibration.scores
    above = sum(score > old for score in scores)
    if new > _MUCH * old and not arguments.yes:
        _ask(f"{above} of {len(scores)} images are above the old threshold: it would rise from {old:.4g} to {new:.4g}")
    calibrated.save(arguments.product)
    unjudged = f" ({len(paths) - len(scores)} more could not be judged)" if len(scores) < len(paths) else ""
    print(
        f"{arguments.product}: threshold {old:.4g} -> {new:.4g} from {len(scores)} good images{unjudged}, "
        f"{above} of which the old one would have rejected"
    )
    print(calibrated.calibration.confidence())


def _ask(what: str) -> None:
    """Asks whether the images are really of good parts.

    Raises:
        ConfigError: no, or nobody is there to say.
    """
    advice = "defective parts below it will pass. Are all images of good parts, in the light of the line?"
    if not sys.stdin.isatty():
        raise ConfigError(f"{what}; {advice} Then say --yes")
    try:
        answer = input(f"{what}; {advice} [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise ConfigError("nothing was changed")
