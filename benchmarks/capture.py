"""What `pad capture` recovers, where the truth is known (docs/capture.md).

    python benchmarks/capture.py stage-temple REAL/Temple OUT [--on cloth|board]   the real temple, put on a table
    python benchmarks/capture.py stage-product PRODUCT OUT [--count 60]            a twin on a board, by a phone
    python benchmarks/capture.py film OUT FILM.mp4                                 a staged capture as a film
    python benchmarks/capture.py localize CLASS                                    each photo, in a map without it
    python benchmarks/capture.py compare OUT/truth CLASS                           poses, cut-outs against the truth
    python benchmarks/capture.py twin CLASS PRODUCT PICTURE                        the twin below the photos
    python benchmarks/capture.py lens PRODUCT BAG PICTURE --good PART              a lens of k1 = -0.25, known or not

A staged capture is a folder of photos and, in `truth/`, a class with the true poses and cut-outs.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from pad_ros.capture.align import similarity
from pad_ros.capture.board import Board
from pad_ros.dataset.classes import read_class, write_transforms
from pad_ros.dataset.cutouts import read_cutouts
from pad_ros.errors import NotLocalizedError
from pad_ros.evaluation.metrics import auroc
from pad_ros.evaluation.overlay import draw_overlay
from pad_ros.geometry import Camera, is_right, pose_error
from pad_ros.images import decode_image, read_cutout, read_image, write_image
from pad_ros.inspector import Inspector
from pad_ros.lens import Lens, Undistorter
from pad_ros.localization.front_end import create_front_end
from pad_ros.localization.localizer import create_localizer
from pad_ros.localization.map_builder import build_map
from pad_ros.product import Product
from pad_ros.profiles import load_profile
from pad_ros.sources.bag import message_types, read_bag
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.splatting.viewer import Twin
from pad_ros.synthesis.staging import Stage, cloth_texture, walk_around
from pad_ros.training import HOLDOUT_EVERY

PHONE = ("plumb_bob", (0.09, -0.16, 0.0006, -0.0004, 0.0))


def make_stage(on: str, size: float) -> Stage:
    """A cloth `size` metres long, or the board whose plain middle is at least as long."""
    if on == "cloth":
        return Stage(cloth_texture(1), (size, size))
    board = next(b for b in map(Board.of, ("a4", "a3", "a2", "a1")) if b.middle[1] >= size or b.paper == "a1")
    print(f"on the {board.paper.upper()} board")
    width, height = board.size
    return Stage(board.picture(), (width + board.square, height + board.square))


def write_truth(folder: Path, lens: Lens, photos: list) -> None:
    """The class of true poses and cut-outs; photos are (name, image, alpha, pose)."""
    for name, image, alpha, _ in photos:
        write_image(folder / "train/good" / name, np.dstack([image, np.rint(255 * alpha).astype(np.uint8)]))
    write_transforms(folder / "transforms.json", lens, [(f"train/good/{name}", pose) for name, _, _, pose in photos])


def stage_temple(source: Path, out: Path, on: str) -> None:
    """Puts the temple's cut-outs before a table and a room that belong to its poses."""
    data = read_class(source)
    upright = np.array([[0, 0, 1.0, 0], [1, 0, 0, 0], [0, 1, 0, 0.008], [0, 0, 0, 1]])  # its y is up
    stage, rng, photos = make_stage(on, 0.5 if on == "cloth" else 0.16), np.random.default_rng(0), []
    for index, view in enumerate(data.train):
        image, alpha = read_cutout(view.path)
        pose = upright @ view.object_from_camera
        photo, share = stage.photograph(data.lens, pose, lambda c, p, i=image, a=alpha: (i.astype(np.float32), a), rng)
        photos.append((f"{index:03d}.png", photo, share, pose))
        write_image(out / f"{index:03d}.png", photo)
    write_truth(out / "truth", data.lens, photos)


def stage_product(source: Path, out: Path, count: int, width: int, shake: float) -> None:
    """Photographs a product's twin on a board: a phone's lens, motion blur, noise."""
    product = Product.load(source)
    rasterizer = create_rasterizer({"name": "cpu"})
    means = product.gaussians.means
    low, high = np.percentile(means, [0.5, 99.5], axis=0)
    onto = np.eye(4)
    onto[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]  # its length along the board's
    onto[:3, 3] = onto[:3, :3] @ [-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]]
    extent = float((high - low)[:2].max())
    stage, rng = make_stage("board", extent), np.random.default_rng(0)
    height = round(width * 3 / 4)
    lens = Lens(Camera(width, height, 0.9 * width, 0.9 * width, 0.503 * width, 0.497 * height), *PHONE)
    poses = walk_around(count, np.array([0, 0, (high - low)[2] / 2]), 1.6 * extent, rng, shake)

    def part(camera, pose):
        rendering = rasterizer.render(product.gaussians, camera, np.linalg.inv(onto) @ pose)
        return 255.0 * np.clip(rendering.color, 0, 1), 1.0 - rendering.transmittance

    photos = []
    for index, pose in enumerate(poses):
        photo, share = stage.photograph(lens, pose, part, rng, blur=rng.uniform(0, 2.5), noise=2.5)
        photos.append((f"{index:03d}.png", photo, share, pose))
        write_image(out / f"{index:03d}.png", photo)
    write_truth(out / "truth", lens, photos)


def film(folder: Path, out: Path, rate: float) -> None:
    """Encodes a staged capture's photos, in their order, as a film (MPEG-4)."""
    photos = sorted(folder.glob("*.png"))
    height, width = read_image(photos[0]).shape[:2]
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
    for photo in photos:
        writer.write(cv2.cvtColor(read_image(photo), cv2.COLOR_RGB2BGR))
    writer.release()
    print(f"{len(photos)} frames of {width}x{height}, {len(photos) / rate:.1f} s, {out.stat().st_size / 1e6:.1f} MB")


def compare(truth: Path, captured: Path) -> None:
    """Prints how far poses, scale and cut-outs are from the truth."""
    real, made = read_class(truth), read_class(captured)
    frame = re.compile(r"frame (\d+) .*")  # a film's frames are the staged photos, in their order
    source = {
        row["file"]: frame.sub(lambda m: f"{int(m[1]):03d}.png", row["source"])
        for row in json.loads((captured / "capture.json").read_text())["views"]
    }
    by_name = {view.path.name: view for view in real.train}
    pairs = [(by_name[source[str(v.path.relative_to(captured))]], v) for v in made.train]
    true = np.stack([a.object_from_camera for a, _ in pairs])
    found = np.stack([b.object_from_camera for _, b in pairs])
    scale, transform = similarity(found[:, :3, 3], true[:, :3, 3])
    aligned = found.copy()
    aligned[:, :3, 3] *= scale
    aligned = transform @ aligned
    target = np.median([p[:3, 3] + np.linalg.norm(p[:3, 3]) * p[:3, 2] for p in true], axis=0)
    turns = np.einsum("vji,vjk->vik", true[:, :3, :3], aligned[:, :3, :3])
    angles = np.degrees(np.arccos(np.clip((np.trace(turns, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    away = np.linalg.norm(aligned[:, :3, 3] - true[:, :3, 3], axis=1)
    away = away / np.linalg.norm(true[:, :3, 3] - target, axis=1)
    ious = []
    for a, b in pairs:
        other = read_cutout(b.path)[1] > 0.5
        size = other.shape[1], other.shape[0]
        one = cv2.resize(read_cutout(a.path)[1], size, interpolation=cv2.INTER_AREA) > 0.5
        ious.append((one & other).sum() / max((one | other).sum(), 1))
    print(
        f"{len(pairs)} of {len(real.train)} photos; scale {scale:.5f}; rotation {np.median(angles):.3f} (worst "
        f"{angles.max():.3f}) degrees; position {100 * np.median(away):.3f} (worst {100 * away.max():.3f}) % of the "
        f"distance; cut-outs' IoU {np.median(ious):.4f} (worst {np.min(ious):.4f})"
    )


def localize(captured: Path) -> None:
    """Localises each photo, whole, in a map of five sixths without it; a right pose is within 1 degree and 1 %."""
    data, localization = read_class(captured), load_profile("cpu")["localization"]
    front_end = create_front_end(localization)
    cutouts, found, right = read_cutouts(data), 0, 0
    for fold in range(HOLDOUT_EVERY):
        used = [cutout for index, cutout in enumerate(cutouts) if index % HOLDOUT_EVERY != fold]
        sfm_map = build_map(
            [cutout.image for cutout in used],
            [cutout.alpha for cutout in used],
            data.camera,
            [cutout.object_from_camera for cutout in used],
            front_end,
            **localization["map"],
        )
        localizer = create_localizer(localization["localizer"], sfm_map, data.camera, front_end)
        for view in data.train[fold::HOLDOUT_EVERY]:
            # The file has the photo's own background; its alpha channel is only set aside.
            photo = Undistorter(view.lens, data.camera).undistort(read_image(view.path))
            try:
                pose = localizer.localize(photo).object_from_camera
            except NotLocalizedError as error:
                print(f"{view.path.name}: {error}")
                continue
            found += 1
            right += is_right(*pose_error(pose, view.object_from_camera))
        print(f"fold {fold}: {len(sfm_map.points)} points")
    print(f"{found} of {len(data.train)} photos localised, {right} of them right")


def twin(captured: Path, product: Path, picture: Path) -> None:
    """Writes three photos that the twin was not trained from, undistorted, above the twin from their poses."""
    data, ideal, columns = read_class(captured), Product.load(product), []
    held_out = data.train[HOLDOUT_EVERY - 1 :: HOLDOUT_EVERY]
    rendered = Twin(ideal.gaussians, ideal.camera, create_rasterizer({"name": "cpu"}))
    for index in np.linspace(0, len(held_out) - 1, 5).astype(int)[1:4]:
        view = held_out[index]
        photo = Undistorter(view.lens, ideal.camera).undistort(read_image(view.path))
        columns.append(np.vstack([photo, rendered.picture(view.object_from_camera)]))
    write_image(picture, np.hstack(columns))


def lens(product: Path, bag: Path, picture: Path, good: str) -> None:
    """Scores of a bag's images as they are, through a lens that the product knows, and through one that it does not."""
    ideal = Product.load(product)
    undistorter = Undistorter(Lens(ideal.camera, "plumb_bob", (-0.25, 0.0, 0.0, 0.0, 0.0)))
    straight, knows = Inspector(ideal), Inspector(replace(ideal, lens=undistorter.lens))
    store, parts, rows, reasons, shown = message_types(), {}, [], [], None
    for entry in read_bag(bag):
        message = store.deserialize_cdr(entry.data, entry.type)
        if entry.topic == "/part_view":
            parts[entry.stamp] = message.part_id
        elif entry.topic.startswith("/image_raw"):
            image = decode_image(message.data.tobytes())
            bent = undistorter.distort(image, 130)
            one, two, unknown = straight.inspect(image), knows.inspect(bent), straight.inspect(bent)
            rows.append((parts[entry.stamp] != good, one.score, two.score, unknown.score))
            reasons.append(unknown.status.name)
            if shown is None and one.anomalous:
                shown = [draw_overlay(image, one), draw_overlay(bent, two), draw_overlay(bent, unknown)]
                print(f"unknown lens: {unknown.status.name}: {unknown.reason}")
    bad, *scores = (np.array(column, float) for column in zip(*rows, strict=True))
    differences = np.abs(scores[1] - scores[0]) / one.threshold
    print(
        f"{len(rows)} images; scores with the lens against without: correlation {np.corrcoef(*scores[:2])[0, 1]:.5f}, "
        f"|difference| / threshold {np.median(differences):.4f} (worst {differences.max():.3f}); AUROC by part without "
        f"{auroc(scores[0], bad > 0):.4f}, with {auroc(scores[1], bad > 0):.4f}; "
        f"lens unknown: {dict(Counter(reasons))}, "
        f"scores of the good part {np.median((scores[2] / scores[0])[bad == 0]):.2f} times as high, AUROC "
        f"{auroc(np.nan_to_num(scores[2], nan=np.inf), bad > 0):.4f}"
    )
    if shown:
        write_image(picture, np.hstack(shown))


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    temple = commands.add_parser("stage-temple")
    temple.add_argument("source", type=Path)
    temple.add_argument("out", type=Path)
    temple.add_argument("--on", choices=("cloth", "board"), default="cloth")
    product = commands.add_parser("stage-product")
    product.add_argument("source", type=Path)
    product.add_argument("out", type=Path)
    product.add_argument("--count", type=int, default=40)
    product.add_argument("--width", type=int, default=1000)
    product.add_argument("--shake", type=float, default=1.0, help="of a film's camera: about 0.1")
    filmed = commands.add_parser("film")
    filmed.add_argument("folder", type=Path)
    filmed.add_argument("out", type=Path)
    filmed.add_argument("--rate", type=float, default=10.0, help="frames per second")
    both = commands.add_parser("compare")
    both.add_argument("truth", type=Path)
    both.add_argument("captured", type=Path)
    bent = commands.add_parser("lens")
    for name in ("product", "bag", "picture"):
        bent.add_argument(name, type=Path)
    bent.add_argument("--good", required=True)
    shown = commands.add_parser("twin")
    for name in ("captured", "product", "picture"):
        shown.add_argument(name, type=Path)
    localized = commands.add_parser("localize")
    localized.add_argument("captured", type=Path)
    arguments = vars(parser.parse_args())
    functions = {
        "stage-temple": stage_temple,
        "stage-product": stage_product,
        "film": film,
        "compare": compare,
        "localize": localize,
        "twin": twin,
        "lens": lens,
    }
    functions[arguments.pop("command")](**arguments)


if __name__ == "__main__":
    main()
