"""`pad capture`: photos or a film of one good part become a class: poses, cut-outs, and a page that shows them."""

from __future__ import annotations

import argparse
from pathlib import Path

from pad_ros.capture.board import PAPERS, Board, write_pdf
from pad_ros.capture.capture import CaptureSettings, capture_class
from pad_ros.common.progress import progress_bars
from pad_ros.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("source", type=Path, nargs="*", metavar="PHOTOS|VIDEO", help="files, folders, or one film")
    parser.add_argument("-o", "--output", type=Path, metavar="DATASET/CLASS")
    parser.add_argument(
        "--board", choices=tuple(PAPERS), metavar="PAPER", help="the printed board is under the part: a4 … a1"
    )
    parser.add_argument("--bar", type=float, metavar="MM", help="what the board's 100 mm bar measures on paper")
    parser.add_argument("--square", type=float, metavar="MM", help="what a square's side measures, if not as designed")
    parser.add_argument("--print-board", type=Path, metavar="PDF", help="only write the board, A4 or of --board")
    parser.add_argument("--frames", type=int, default=100, metavar="N", help="that are taken from a film")
    parser.add_argument("--size", type=int, default=1000, metavar="PIXELS", help="longer side of the class's photos")
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> None:
    """Runs the command."""
    if arguments.print_board:
        board = Board.of(arguments.board or "a4")
        write_pdf(arguments.print_board, board)
        print(
            f"{arguments.print_board}: {board.paper.upper()}, squares of {1000 * board.square:g} mm; "
            f"print it at 100 %, glue it "
            "to something flat, measure its 100 mm bar and say --bar"
        )
        return
    if not arguments.source or not arguments.output:
        raise ConfigError("give photos or a film, and the class's folder: `pad capture PHOTOS -o DATASET/CLASS`")
    if (arguments.bar or arguments.square) and not arguments.board:
        raise ConfigError("--bar and --square are the board's: say its paper too, as --board a4")
    if not 300 <= arguments.size <= 8000 or not 20 <= arguments.frames <= 1000:
        raise ConfigError("--size must be between 300 and 8000 pixels, --frames between 20 and 1000")
    settings = CaptureSettings(
        frames=arguments.frames,
        longest=arguments.size,
        paper=arguments.board,
        square=arguments.square,
        bar=arguments.bar,
        seed=arguments.seed,
    )
    with progress_bars() as stage:
        made = capture_class(arguments.source, arguments.output, settings, stage)
    for sentence in made.coverage.advice():
        print(f"missing: {sentence}")
    print(f"report: {made.report}")
    print(f"{arguments.output}: {made.views} of {made.photos} photos; next: `pad train {arguments.output} -o PRODUCT`")
