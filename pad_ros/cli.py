"""The `pad` command: one sub-command per job, thin over the core."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import pad_ros
from pad_ros.errors import ConfigError, PadError
from pad_ros.progress import progress_bar, progress_bars
from pad_ros.quiet import quiet_opencv

if TYPE_CHECKING:
    from pad_ros.synthesis.assembly import Assembly

DEFAULT_PROFILE = "cpu"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `pad`; returns the exit status: 0, 1 for an error said in one line, 130 when interrupted."""
    arguments = _parse(argv)
    quiet_opencv()
    try:
        return arguments.run(arguments) or 0
    except PadError as error:
        print(f"pad {arguments.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\npad {arguments.command}: interrupted", file=sys.stderr)
        return 130


def _synth(arguments: argparse.Namespace) -> int | None:
    from pad_ros.synthesis.conditions import VARIATIONS
    from pad_ros.synthesis.generate import SynthesisSettings, generate
    from pad_ros.synthesis.preview import write_preview
    from pad_ros.synthesis.table import data_set_table

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
    )
    assemblies, sources = _synth_assemblies(arguments)
    if arguments.preview:
        with progress_bar("preview") as progress:
            for index, assembly in enumerate(assemblies):
                path = write_preview(arguments.out, assembly, settings)
                progress(index + 1, len(assemblies), str(path))
    else:
        generate(arguments.out, assemblies, settings, arguments.jobs, sources)
        print(f"{data_set_table(arguments.out)}\ndata set in {arguments.out}")
    return None


def _synth_assemblies(arguments: argparse.Namespace) -> tuple[list[Assembly], dict[str, str]]:
    """The assemblies that the arguments name, and which file each model is from."""
    from pad_ros.synthesis.vehicles import VEHICLES, build_vehicle

    names = arguments.classes or ([] if arguments.models else ["all"])
    assemblies = [build_vehicle(name) for name in (VEHICLES if "all" in names else dict.fromkeys(names))]
    sources = {}
    for path in arguments.models or []:
        from pad_ros.synthesis.models import read_model

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = read_model(path, arguments.ldraw, tuple(arguments.leave_out or ()), arguments.strict)
        for warning in caught:
            print(f"pad synth: {warning.message}", file=sys.stderr)
        assemblies.append(model)
        sources[model.name] = path.name
    return assemblies, sources


def _verify(out: Path) -> int:
    from pad_ros.synthesis.record import verify

    wrong = 0
    for name, files in verify(out).items():
        print(*(f"{name}/{file}: differs" for file in files) if files else [f"{name}: as rendered"], sep="\n")
        wrong += len(files)
    return 1 if wrong else 0


def _train(arguments: argparse.Namespace) -> None:
    from pad_ros.dataset import read_class
    from pad_ros.profiles import load_profile
    from pad_ros.training import train_product

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


def _calibrate(arguments: argparse.Namespace) -> None:
    from pad_ros.images import read_image
    from pad_ros.product import Product
    from pad_ros.training import calibrate_product

    product = Product.load(arguments.product)
    rate = arguments.false_reject_rate
    if rate is None:
        rate = product.profile["calibration"]["false_reject_rate"]
    images = [read_image(path) for path in _image_paths(arguments.images)]
    with progress_bar("threshold") as progress:
        calibrated = calibrate_product(product, images, rate, progress)
    calibrated.save(arguments.product)
    old, new = product.calibration.threshold, calibrated.calibration.threshold
    print(f"{arguments.product}: threshold {old:.4g} -> {new:.4g} from {len(images)} good images")


def _inspect(arguments: argparse.Namespace) -> None:
    from pad_ros.evaluation.report import write_report
    from pad_ros.evaluation.results_writer import ResultWriter, read_results
    from pad_ros.evaluation.summary import summarize
    from pad_ros.images import read_image
    from pad_ros.inspector import Inspector
    from pad_ros.product import Product
    from pad_ros.results import Inspection, Status

    inspector = Inspector(Product.load(arguments.product))
    paths = _image_paths(arguments.images)
    with ResultWriter(arguments.output, save_maps=arguments.save_maps) as writer, progress_bar("inspect") as progress:
        for index, path in enumerate(paths):
            try:
                image = read_image(path)
                inspection = inspector.inspect(image)
            except PadError as error:  # an unreadable file gets its result too
                image, inspection = None, Inspection(Status.of(error), str(error))
            writer.add(str(path), image, inspection)
            progress(index + 1, len(paths), inspection.status.name)
    print(f"report: {write_report(arguments.output, title=inspector.product.name)}")
    print(summarize(read_results(arguments.output)).line())


def _evaluate(arguments: argparse.Namespace) -> None:
    from pad_ros.dataset import list_classes, read_class
    from pad_ros.evaluation.evaluate import evaluate_class
    from pad_ros.evaluation.report import write_report
    from pad_ros.evaluation.results_writer import ResultWriter
    from pad_ros.evaluation.tables import scores_table, timings_table, write_scores
    from pad_ros.inspector import Inspector
    from pad_ros.product import Product
    from pad_ros.profiles import load_profile
    from pad_ros.training import train_product

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


def _bag(arguments: argparse.Namespace) -> None:
    from pad_ros.bag import write_bag
    from pad_ros.dataset import read_class

    count = write_bag(read_class(arguments.dataset), arguments.output, parts=arguments.parts, rate_hz=arguments.rate)
    print(f"{arguments.output}: {count} images")


def _up(arguments: argparse.Namespace) -> int:
    from pad_ros.up import run_graph

    return run_graph(bag=arguments.bag, overrides=arguments.overrides)


def _demo(arguments: argparse.Namespace) -> int:
    from pad_ros.resources import share_folder

    try:
        from pad_ros.nodes.demo import run_demo
    except ImportError as error:
        raise ConfigError(f"{error}; this needs ROS: run `make env`, or source your ROS 2 workspace") from None
    sample = share_folder() / "sample"
    return run_demo(arguments.product or sample / "product", arguments.bag or sample / "bag", arguments.output)


def _render(arguments: argparse.Namespace) -> None:
    from pad_ros.product import Product
    from pad_ros.viewer import export_ply, render_pose, write_turntable

    product = Product.load(arguments.product)
    if arguments.turntable:
        with progress_bar("turntable") as progress:
            write_turntable(product, arguments.turntable, progress=progress)
        print(arguments.turntable)
        return
    if arguments.ply:
        export_ply(product, arguments.ply)
        print(f"{arguments.ply}: {len(product.gaussians)} Gaussians")
        return
    try:
        pose = np.array(json.loads(arguments.pose), dtype=np.float64)
    except (ValueError, TypeError):
        raise ConfigError("--pose: expected a camera-to-object pose as JSON, [[…4 numbers…], … 4 rows]") from None
    render_pose(product, pose, arguments.output)
    print(arguments.output)


def _doctor(arguments: argparse.Namespace) -> int:
    from pad_ros.doctor import examine

    return examine()


def _image_paths(names: Sequence[Path]) -> list[Path]:
    from pad_ros.images import IMAGE_SUFFIXES

    paths: list[Path] = []
    for name in names:
        if name.is_dir():
            paths += sorted(path for path in name.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        elif name.exists():
            paths.append(name)
        else:
            raise ConfigError(f"{name}: no such file or folder")
    if not paths:
        raise ConfigError(f"no images in {', '.join(map(str, names))}")
    return paths


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    # argparse takes only one run of NAME:=VALUE: those after an option are left over.
    if rest and (arguments.command != "up" or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.overrides += rest
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pad", description=pad_ros.__doc__)
    parser.add_argument("--version", action="version", version=pad_ros.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int | None], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    synth = command("synth", _synth, "render a data set in Blender")
    synth.add_argument("out", type=Path)
    synth.add_argument("--class", dest="classes", action="append", help="class to render; again for more (all)")
    synth.add_argument(
        "--model", dest="models", action="append", type=Path, metavar="FILE", help="LDraw or glTF model; again for more"
    )
    synth.add_argument("--ldraw", type=Path, metavar="LIBRARY", help="LDraw's parts library ($LDRAWDIR)")
    synth.add_argument("--leave-out", action="append", metavar="PATTERN", help="parts of models to leave out by name")
    synth.add_argument("--strict", action="store_true", help="refuse a model of which parts are missing")
    synth.add_argument("--resolution", type=int, default=800, help="pixels, square")
    synth.add_argument("--samples", type=int, default=8, help="paths per pixel")
    synth.add_argument("--train", type=int, default=100, help="training views")
    synth.add_argument("--objects", type=int, default=13, help="test parts")
    synth.add_argument("--views", type=int, default=9, help="views of each test part")
    synth.add_argument("--seed", type=int, default=0)
    synth.add_argument("--vary", metavar="WHAT", help="light,camera,dirt,surroundings or all, from image to image")
    synth.add_argument("--jobs", type=int, default=1, metavar="N", help="Blender workers side by side")
    synth.add_argument("--preview", action="store_true", help="only a contact sheet per class, OUT/CLASS_preview.png")
    synth.add_argument("--table", action="store_true", help="only print what stands as the paper's Table 1")
    synth.add_argument("--verify", action="store_true", help="only compare what stands with its checksums")

    train = command("train", _train, "train a product from photos of the good part with poses")
    train.add_argument("dataset", type=Path, metavar="DATASET/CLASS")
    train.add_argument("-o", "--output", type=Path, required=True, metavar="PRODUCT")
    train.add_argument("--profile", default=DEFAULT_PROFILE, help="name, or a YAML file")
    train.add_argument("--preset", help="of the splats' training, instead of the profile's: fast or paper")
    train.add_argument("--rasterizer", help="that trains the splats: cpu, or cuda on an NVIDIA GPU")
    train.add_argument("--name", help="of the product (the class's)")
    train.add_argument("--seed", type=int, default=0)

    calibrate = command("calibrate", _calibrate, "set the threshold from images of good parts alone")
    calibrate.add_argument("product", type=Path)
    calibrate.add_argument("images", type=Path, nargs="+")
    calibrate.add_argument("--false-reject-rate", type=float, help="share of good images that may be rejected")

    inspect = command("inspect", _inspect, "inspect images without ROS")
    inspect.add_argument("product", type=Path)
    inspect.add_argument("images", type=Path, nargs="+", help="files or folders")
    inspect.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    inspect.add_argument("--save-maps", action="store_true", help="also write the float32 anomaly maps")

    evaluate = command("evaluate", _evaluate, "print the paper's metrics for a data set")
    evaluate.add_argument("dataset", type=Path)
    evaluate.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    evaluate.add_argument("--class", dest="classes", action="append", help="class to evaluate; again for more (all)")
    evaluate.add_argument("--profile", default=DEFAULT_PROFILE, help="name, or a YAML file")
    evaluate.add_argument("--product", type=Path, help="use this product instead of training one")
    evaluate.add_argument("--background-free", action="store_true", help="judge the parts alone, over white")

    bag = command("bag", _bag, "write a class's test set as a rosbag2 (MCAP)")
    bag.add_argument("dataset", type=Path, metavar="DATASET/CLASS")
    bag.add_argument("-o", "--output", type=Path, required=True, metavar="BAG")
    bag.add_argument("--part", dest="parts", action="append", help="part to write; again for more (all)")
    bag.add_argument("--rate", type=float, default=2.0, help="images per second")

    up = command("up", _up, "start the ROS graph where `ros2 launch` is not installed")
    up.add_argument("--bag", type=Path, help="replay this rosbag2 instead of a camera")
    up.add_argument("overrides", nargs="*", metavar="NAME:=VALUE", help="arguments of inspection.launch.py")

    demo = command("demo", _demo, "replay the sample bag through the ROS nodes and write a report")
    demo.add_argument("--product", type=Path, help="instead of the sample's")
    demo.add_argument("--bag", type=Path, help="instead of the sample's")
    demo.add_argument("-o", "--output", type=Path, default=Path("demo"))

    render = command("render", _render, "look at the twin")
    render.add_argument("product", type=Path)
    what = render.add_mutually_exclusive_group(required=True)
    what.add_argument("--pose", help="camera-to-object pose 4x4 as JSON, OpenCV axes")
    what.add_argument("--turntable", type=Path, metavar="FILE", help="a turn around the part: .mp4, .webp or .png")
    what.add_argument("--ply", type=Path, metavar="FILE", help="the splats as a standard PLY, for 3DGS viewers")
    render.add_argument("-o", "--output", type=Path, default=Path("render.png"), help="picture for --pose")

    command("doctor", _doctor, "say what of the environment works")
    return parser


if __name__ == "__main__":
    sys.exit(main())
