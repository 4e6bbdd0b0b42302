"""`pad render`: looks at the twin."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from pad_ros.common.progress import progress_bar
from pad_ros.errors import ConfigError
from pad_ros.product import Product
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.splatting.viewer import Twin, export_ply, render_pose, write_turntable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("product", type=Path)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--pose", help="camera-to-object pose 4x4 as JSON, OpenCV axes")
    what.add_argument("--turntable", type=Path, metavar="FILE", help="a turn around the part: .mp4, .webp or .png")
    what.add_argument("--ply", type=Path, metavar="FILE", help="the splats as a standard PLY, for 3DGS viewers")
    parser.add_argument("-o", "--output", type=Path, default=Path("render.png"), help="picture for --pose")


def run(arguments: argparse.Namespace) -> None:
    """Runs the command."""
    product = Product.load(arguments.product)
    twin = Twin(product.gaussians, product.camera, create_rasterizer(product.profile["splatting"]["rasterizer"]))
    if arguments.turntable:
        with progress_bar("turntable") as progress:
            write_turntable(twin, product.sfm_map.view_poses, arguments.turntable, progress=progress)
        print(arguments.turntable)
        return
    if arguments.ply:
        export_ply(product.gaussians, arguments.ply)
        print(f"{arguments.ply}: {len(product.gaussians)} Gaussians")
        return
    try:
        pose = np.array(json.loads(arguments.pose), dtype=np.float64)
    except (ValueError, TypeError):
        raise ConfigError("--pose: expected a camera-to-object pose as JSON, [[…4 numbers…], … 4 rows]") from None
    render_pose(twin, pose, arguments.output)
    print(arguments.output)
