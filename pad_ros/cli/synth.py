"""`pad synth`: renders a data set in Blender."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from pad_ros.common.progress import progress_bar
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.conditions import VARIATIONS
from pad_ros.synthesis.defects import DEFECT_AREA
from pad_ros.synthesis.generate import SynthesisSettings, generate
from pad_ros.synthesis.heaps import random_object
from pad_ros.synthesis.models import read_model
from pad_ros.synthesis.preview import write_preview
from pad_ros.synthesis.record import verify
from pad_ros.synthesis.table import data_set_table
from pad_ros.synthesis.vehicles import VEHICLES, build_vehicle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("out", type=Path)
    parser.add_argument("--class", dest="classes", action="append", help="class to render; again for more (all)")
    parser.add_argument(
        "--model", dest="models", action="append", type=Path, metavar="FILE", help="LDraw or glTF model; again for more"
    )
    parser.add_argument("--ldraw", type=Path, metavar="LIBRARY", help="LDraw's parts library ($LDRAWDIR)")
    parser.add_argument("--leave-out", action="append", metavar="PATTERN", help="parts of models to leave out by name")
    parser.add_argument("--strict", action="store_true", help="refuse a model of which parts are missing")
    parser.add_argument("--resolution", type=int, default=800, help="pixels, square")
    parser.add_argument("--samples", type=int, default=8, help="paths per pixel")
    parser.add_argument("--train", type=int, default=100, help="training views")
    parser.add_argument("--objects", type=int, default=13, help="test parts")
    parser.add_argument("--views", type=int, default=9, help="views of each test part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vary", metavar="WHAT", help="light,camera,dirt,surroundings or all, from image to image")
    parser.add_argument("--heaps", type=int, nargs=2, metavar=("FIRST", "COUNT"), help="random objects, of these seeds")
    parser.add_argument(
        "--defect-area",
        type=float,
        nargs=2,
        default=DEFECT_AREA,
        metavar=("LEAST", "MOST"),
        help="shares of the image that a defect takes where it shows",
    )
    parser.add_argument("--no-background-free", action="store_true", help="no test images without background")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="Blender workers side by side")
    parser.add_argument("--preview", action="store_true", help="only a contact sheet per class, OUT/CLASS_preview.png")
    parser.add_argument("--table", action="store_true", help="only print what stands as the paper's Table 1")
    parser.add_argument("--verify", action="store_true", help="only compare what stands with its checksums")


def run(arguments: argparse.Namespace) -> int | None:
    """Runs the command."""
    if arguments.verify:
        return _verify(arguments.out)
    if arguments.table:
        print(data_set_table(arguments.out, markdown=True))
        return None
    vary = VARIATIONS if arguments.vary == "all" else tuple(arguments.vary.split(",")) if arguments.vary else ()
    settings = SynthesisSettings(
        resolution=arguments.resolution,
        samples=arguments.samples,
        train=arguments.train,
        objects=arguments.objects,
        views=arguments.views,
        seed=arguments.seed,
        vary=tuple(sorted(set(vary))),
        defect_area=tuple(arguments.defect_area),
        background_free=not arguments.no_background_free,
    )
    assemblies, sources = _assemblies(arguments)
    if arguments.preview:
        with progress_bar("preview") as progress:
            for index, assembly in enumerate(assemblies):
                path = write_preview(arguments.out, assembly, settings)
                progress(index + 1, len(assemblies), str(path))
    else:
        generate(arguments.out, assemblies, settings, arguments.jobs, sources)
        print(f"{data_set_table(arguments.out)}\ndata set in {arguments.out}")
    return None


def _assemblies(arguments: argparse.Namespace) -> tuple[list[Assembly], dict[str, str]]:
    """The assemblies that the arguments name, and which file each model is from."""
    names = arguments.classes or ([] if arguments.models or arguments.heaps else ["all"])
    assemblies = [build_vehicle(name) for name in (VEHICLES if "all" in names else dict.fromkeys(names))]
    first, count = arguments.heaps or (0, 0)
    assemblies += [random_object(seed) for seed in range(first, first + count)]
    sources = {}
    for path in arguments.models or []:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = read_model(path, arguments.ldraw, tuple(arguments.leave_out or ()), arguments.strict)
        for warning in caught:
            print(f"pad synth: {warning.message}", file=sys.stderr)
        assemblies.append(model)
        sources[model.name] = path.name
    return assemblies, sources


def _verify(out: Path) -> int:
    wrong = 0
    for name, files in verify(out).items():
        print(*(f"{name}/{file}: differs" for file in files) if files else [f"{name}: as rendered"], sep="\n")
        wrong += len(files)
    return 1 if wrong else 0
