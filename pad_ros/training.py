"""From photos of the good part with poses to a product: map, splats, threshold."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import yaml

import pad_ros
from pad_ros.anomaly.calibration import Calibration, calibrate
from pad_ros.anomaly.part_calibration import calibrate_parts
from pad_ros.augmentation import line_image
from pad_ros.common.files import shown, write_text
from pad_ros.common.progress import Progress, silent
from pad_ros.common.registry import check_settings
from pad_ros.dataset.classes import ClassData
from pad_ros.errors import DatasetError, ImageError, TrainingError
from pad_ros.geometry import Matrix, pose_error
from pad_ros.images import read_cutout, read_image
from pad_ros.inspector import Inspector, create_stages
from pad_ros.lens import Lens, Undistorter
from pad_ros.localization.map_builder import build_map
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.product import Product
from pad_ros.results import Image, Inspection, Map, PoseEstimate, Status
from pad_ros.splatting.checkpoint import Checkpoint
from pad_ros.splatting.compact import load_compact, save_compact
from pad_ros.splatting.engine import create_engine
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.splatting.settings import describe_settings, resolve_settings
from pad_ros.splatting.surface import Surface, normals
from pad_ros.splatting.trainer import train_splats
from pad_ros.splatting.viewer import Twin

T = TypeVar("T")
logger = logging.getLogger(__name__)

# Every n-th view is held out: the threshold must come from views that the twin has not seen.
HOLDOUT_EVERY = 6
# Each held-out view is inspected so many times, each time on another belt and in another light.
IMAGES_PER_VIEW = 4
_FEWEST_VIEWS = 12
# Of good images as the line may show them, the localiser must find this share; of fewer than the other, it is said.
_FEWEST_LOCALIZED, _MOST_LOCALIZED = 0.33, 0.9
_OTHER_SCALE = 2.0  # a camera may show the part so many times larger or smaller than the photos
_SMALLEST_GROUND = 4  # pixels; what is smaller and white is a glint
_GROUND_RIM = 2  # pixels


@dataclass(frozen=True)
class Cutout:
    """A training view in memory: RGB over white [H, W, 3], coverage [H, W], camera-to-object pose [4, 4]."""

    image: Image
    alpha: Map
    object_from_camera: Matrix


def train_product(
    data: ClassData,
    profile: dict[str, Any],
    folder: Path,
    *,
    name: str | None = None,
    seed: int = 0,
    stage: Callable[[str], Progress] | None = None,
) -> Product:
    """Trains the product of a class and writes its folder.

    Finished stages, and now and then the state of the splats' training, stay in `folder/.training`, so that training
    goes on after an interruption. The splats are rounded to their compact file before the threshold is set from them.

    Args:
        data: good views with poses; its test images are not touched.
        profile: see `pad_ros.profiles`.
        folder: the product folder to write.
        name: of the product; the class's when None.
        seed: of everything that draws.
        stage: called with a stage's title, gives that stage's progress callback.

    Raises:
        ConfigError: the profile has a setting that its stage does not take.
        BuildError: a library or device that a stage needs is not here.
        WeightsError: the weights of a stage are not here.
        DatasetError: too few views, or views that do not fit together.
        TrainingError: the views do not give a usable map, twin or threshold.
    """
    stage = stage or (lambda title: silent)
    trainer = resolve_settings(profile["splatting"]["trainer"])
    # The product states every setting, whatever a preset comes to mean.
    profile = {**profile, "splatting": {**profile["splatting"], "trainer": describe_settings(trainer)}}
    check_settings("localization.map", build_map, profile["localization"]["map"])
    create_engine(trainer)  # what it and the stages lack is said now, not after the map
    stages = create_stages(profile)
    front_end, weights_sha256 = stages.front_end, stages.comparison.sha256
    del stages  # its networks need no memory while the splats are trained
    cutouts = read_cutouts(data)
    held_out = cutouts[HOLDOUT_EVERY - 1 :: HOLDOUT_EVERY]
    used = [cutout for index, cutout in enumerate(cutouts) if index % HOLDOUT_EVERY != HOLDOUT_EVERY - 1]
    provenance = describe_training(data, weights_sha256, seed, len(used), len(held_out))
    localization = profile["localization"]
    cache = _Cache(folder / ".training", {"stages": [localization, profile["splatting"]], "provenance": provenance})
    poses = [cutout.object_from_camera for cutout in used]
    sfm_map = cache.get(
        "map.npz",
        SfmMap.load,
        lambda: build_map(
            [cutout.image for cutout in used],
            [cutout.alpha > 0.5 for cutout in used],
            data.camera,
            poses,
            front_end,
            progress=stage("map"),
            **localization["map"],
        ),
        SfmMap.save,
    )
    gaussians = cache.get(
        "splats.npz",
        load_compact,
        lambda: train_splats(
            [cutout.image for cutout in used],
            [cutout.alpha for cutout in used],
            data.camera,
            poses,
            sfm_map.points,
            sfm_map.colors,
            trainer,
            seed=seed,
            progress=stage("splats"),
            checkpoint=Checkpoint(folder / ".training" / "checkpoint.npz"),
        ),
        save_compact,
    )
    uncalibrated = Product(
        name=name or data.name,
        unit=read_unit(data),
        lens=Lens(data.camera),  # the held-out views are undistorted already
        profile=profile,
        gaussians=gaussians,
        sfm_map=sfm_map,
        calibration=Calibration(math.inf, profile["calibration"]["false_reject_rate"], ()),  # until it is set
        provenance=provenance,
    )
    images = on_the_line(uncalibrated, held_out, seed)
    known = [held_out[index // IMAGES_PER_VIEW].object_from_camera for index in range(len(images))]
    rate = profile["calibration"]["false_reject_rate"]
    product = calibrate_product(uncalibrated, images, rate, stage("threshold"), known)
    product = replace(product, lens=data.lens).save(folder, preview=contact_sheet(product, poses))
    shutil.rmtree(folder / ".training")
    return product


def calibrate_product(
    product: Product,
    images: Sequence[Image | Path],
    false_reject_rate: float,
    progress: Progress = silent,
    poses: Sequence[Matrix] | None = None,
) -> Product:
    """Sets a product's threshold, and what is known of parts, from images [H, W, 3] of good parts alone, or files.

    Args:
        product: what training has set in it before is the prior for images of the line.
        images: of good parts.
        false_reject_rate: the wanted share of good images, and of good parts, that are rejected.
        progress: called after each image.
        poses: in training, the known camera-to-object poses [4, 4]; None for images of the line. An image that is
            not found there is judged from its pose: how to find images better is no matter of thresholds.

    Raises:
        TrainingError: an image is not one of the product's camera, or most of them could not be judged.
        ConfigError: too few images, or an impossible rate.
    """
    inspector = Inspector(product)
    inspections: list[Inspection] = []
    for index, image in enumerate(images):
        inspections.append(_inspect(inspector, image))
        progress(index + 1, len(images), inspections[-1].status.name)
    _refuse_foreign(images, inspections)
    if poses is not None:
        inspections = _found(inspector, images, inspections, poses)
    judged = [index for index, inspection in enumerate(inspections) if inspection.status == Status.OK]
    scores = [inspections[index].score for index in judged]
    _refuse_most(inspections, len(scores), 0.5)
    training = (product.calibration.training or product.calibration) if poses is None else None
    groups = None if poses is None else [poses[index].tobytes() for index in judged]  # one pose is one view
    calibration = calibrate(scores, false_reject_rate, groups=groups, training=training)
    part = calibrate_parts(
        [inspections[index].evidence for index in judged],
        judged if groups is None else groups,
        false_reject_rate,
        training=training.part if training else None,
    )
    return replace(product, calibration=replace(calibration, part=part))


def _found(
    inspector: Inspector, images: Sequence[Image | Path], inspections: list[Inspection], poses: Sequence[Matrix]
) -> list[Inspection]:
    """The inspections, with those anew from the known pose where the localiser found none or a wrong one.

    Raises:
        TrainingError: it finds so few that the product would be of no use.
    """
    right = [
        i.pose is not None and _near(i.pose.object_from_camera, p) for i, p in zip(inspections, poses, strict=True)
    ]
    _refuse_most(inspections, sum(right), _FEWEST_LOCALIZED)
    if sum(right) < _MOST_LOCALIZED * len(right):
        logger.warning(
            "%d of %d good images, as the line may show them, were localised wrongly or not at all, and would be "
            "rejected for that; more photos, nearer to the part, help",
            len(right) - sum(right),
            len(right),
        )
    return [
        inspection if is_right else inspector.inspect(_read(image), PoseEstimate(pose, 0, 0, 0.0))
        for inspection, is_right, image, pose in zip(inspections, right, images, poses, strict=True)
    ]


def _near(estimate: Matrix, pose: Matrix) -> bool:
    degrees, distance = pose_error(estimate, pose)
    return degrees < 1.0 and distance < 0.01


def _refuse_most(inspections: list[Inspection], count: int, least: float) -> None:
    """Refuses to go on when only so many of the images were judged.

    Raises:
        TrainingError: says why.
    """
    if count < least * len(inspections):
        reasons = sorted({inspection.reason for inspection in inspections if inspection.reason})
        raise TrainingError(
            f"only {count} of {len(inspections)} good images could be judged ({'; '.join(reasons[:2])}); "
            "are they images of this part, from this camera?"
        )


def _read(image: Image | Path) -> Image:
    return read_image(image) if isinstance(image, Path) else image


def retarget_product(product: Product, lens: Lens) -> tuple[Product, float]:
    """Makes a product fit another camera; splats and map are the part's, and stay.

    The threshold stays too, but it was the old camera's: calibrate it again (`calibrate_product`).

    Returns:
        The product, and how many of the new camera's pixels are one of the old one's at the same distance.

    Raises:
        TrainingError: the camera shows the part so much finer or coarser that the splats do not serve it.
    """
    finer = lens.camera.fx / product.camera.fx
    if not 1 / _OTHER_SCALE <= finer <= _OTHER_SCALE:
        raise TrainingError(
            f"the camera shows the part {finer:.2f} times as large as the product's photos did (f "
            f"{lens.camera.fx:.0f} against "
            f"{product.camera.fx:.0f} pixels): splats serve the resolution that they were trained at; "
            f"resize its images, or "
            "train again at its resolution (pad capture --size)"
        )
    provenance = {**product.provenance, "retargeted_from": product.lens.to_dict()}
    return replace(product, lens=lens, provenance=provenance, checksum=""), finer


def _inspect(inspector: Inspector, image: Image | Path) -> Inspection:
    try:
        return inspector.inspect(_read(image))
    except ImageError as error:
        return Inspection(Status.BAD_IMAGE, str(error))


def _refuse_foreign(images: Sequence[Image | Path], inspections: list[Inspection]) -> None:
    """Refuses images that are not the camera's: a threshold from the others alone would hide that.

    Raises:
        TrainingError: names them, with the reasons.
    """
    names_of: dict[str, list[str]] = {}  # by reason
    for index, (image, inspection) in enumerate(zip(images, inspections, strict=True)):
        if inspection.status == Status.BAD_IMAGE:
            name = shown(image) if isinstance(image, Path) else f"image {index}"
            names_of.setdefault(inspection.reason.removeprefix(f"{name}: "), []).append(name)
    if names_of:
        count = sum(map(len, names_of.values()))
        listed = "; ".join(f"{reason}: {', '.join(names)}" for reason, names in names_of.items())
        raise TrainingError(f"{count} of {len(images)} images are none of this product's; leave them out: {listed}")


def read_cutouts(data: ClassData) -> list[Cutout]:
    """Reads a class's training views into its ideal camera; one without alpha is cut out at its white background.

    Raises:
        DatasetError: too few views, views of different sizes, or photos that are not cut out.
    """
    if len(data.train) < _FEWEST_VIEWS:
        raise DatasetError(
            f"{data.root}: {len(data.train)} training views, at least {_FEWEST_VIEWS} needed (100 are good)"
        )
    cutouts = []
    for view in data.train:
        image, alpha = read_cutout(view.path)
        if image.shape[:2] != (data.camera.height, data.camera.width):
            raise DatasetError(f"{view.path}: {image.shape[1]}x{image.shape[0]}, the first view has another size")
        cutouts.append(Cutout(image, white_cutout(image) if alpha is None else alpha, view.object_from_camera))
    _check_cutouts(data, cutouts)
    return _undistorted(cutouts, data)


def _undistorted(cutouts: list[Cutout], data: ClassData) -> list[Cutout]:
    """Brings each view from its lens into the class's ideal camera."""
    undistorter_of = lru_cache(maxsize=4)(Undistorter)  # few cameras took all photos, most often one
    ideal, cut = [], 0
    for cutout, view in zip(cutouts, data.train, strict=True):
        undistorter = undistorter_of(view.lens, data.camera)
        image, alpha = undistorter.undistort_cutout(cutout.image, cutout.alpha)
        ideal.append(replace(cutout, image=image, alpha=alpha))
        cut += undistorter.cuts(alpha)
    if cut:
        logger.warning(
            "%s: in %d of %d photos the part reaches the edge of what the lens shows, and its twin would end there; "
            "take them from further away",
            data.root,
            cut,
            len(cutouts),
        )
    return ideal


def white_cutout(image: Image) -> Map:
    """The coverage [H, W] of an object on pure white: all that is not white ground, also seen through holes.

    White ground is wherever four pixels or more that touch each other are white without any shade, and the next two
    pixels where they are nearly so: edges are smoothed there, and JPEG ripples. A white face in the shade is part.
    """
    pure = np.asarray((image >= 254).all(axis=2), np.uint8)  # [H, W]
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(pure)
    large = statistics[:, cv2.CC_STAT_AREA] >= _SMALLEST_GROUND
    ground = large[labels] & (pure > 0)
    nearly = (image >= 250).all(axis=2)
    for _ in range(_GROUND_RIM):
        ground |= nearly & (cv2.dilate(ground.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    return (~ground).astype(np.float32)


def _check_cutouts(data: ClassData, cutouts: list[Cutout]) -> None:
    """Refuses photos that are not cut out, before hours of work on them.

    Raises:
        DatasetError: says how many, and the first.
    """
    whole = [view.path for view, cutout in zip(data.train, cutouts, strict=True) if _is_whole(cutout.alpha)]
    if whole:
        raise DatasetError(
            f"{data.root}: {len(whole)} of {len(cutouts)} photos are not cut out, as {whole[0].name}: "
            "cut the part out on transparent or pure white ground (docs/dataset.md)"
        )
    empty = [view.path for view, cutout in zip(data.train, cutouts, strict=True) if not cutout.alpha.any()]
    if empty:
        raise DatasetError(f"{empty[0]}: there is no part in it, all is ground; take it out of transforms.json")


def _is_whole(alpha: Map) -> bool:
    """Whether hardly any ground is at the border of a photo, so that it was not taken away."""
    border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    return bool((border < 0.5).mean() < 0.25)


def on_the_line(product: Product, cutouts: Sequence[Cutout], seed: int) -> list[Image]:
    """Shows each good view several times as the line may, for a threshold that knows belts, rails and shade.

    Args:
        product: its twin says how the faces lie that a lamp elsewhere shades otherwise.
        cutouts: good views of its camera.
        seed: of belts, light and noise.

    Returns:
        IMAGES_PER_VIEW images [H, W, 3] of each view in turn.
    """
    rng = np.random.default_rng(seed)
    rasterizer = create_rasterizer(product.profile["splatting"]["rasterizer"])
    surface = Surface(product.gaussians)
    images = []
    for cutout in cutouts:
        positions = surface.positions(rasterizer, product.camera, cutout.object_from_camera)
        facing = normals(positions, cutout.object_from_camera)
        images += [line_image(cutout.image, cutout.alpha, facing, rng) for _ in range(IMAGES_PER_VIEW)]
    return images


def contact_sheet(product: Product, poses: list[Matrix], columns: int = 3) -> Image:
    """Pictures of the twin from a few of the training poses, side by side."""
    twin = Twin(product.gaussians, product.camera, create_rasterizer(product.profile["splatting"]["rasterizer"]))
    chosen = [poses[round(i * (len(poses) - 1) / (columns - 1))] for i in range(columns)]
    return np.concatenate([twin.picture(pose) for pose in chosen], axis=1)


def describe_training(data: ClassData, weights_sha256: str, seed: int, used: int, held_out: int) -> dict[str, Any]:
    """Where a product comes from: data and weights with checksums, seed, version."""
    transforms = data.root / "transforms.json"
    poses = np.stack([view.object_from_camera for view in data.train]).tobytes()  # of a COLMAP model
    digest = hashlib.sha256(transforms.read_bytes() if transforms.is_file() else poses)
    for view in data.train:
        digest.update(view.path.read_bytes())
    return {
        "pad_ros": pad_ros.__version__,
        "class": data.name,
        "data_sha256": digest.hexdigest(),
        "weights_sha256": weights_sha256,
        "views": {"trained": used, "held_out_for_threshold": held_out},
        "seed": seed,
    }


def read_unit(data: ClassData) -> str:
    """The unit of length that `dataset.yaml` states, in the class's folder or beside it."""
    for path in (data.root / "dataset.yaml", data.root.parent / "dataset.yaml"):
        if path.is_file():
            return str((yaml.safe_load(path.read_text()) or {}).get("unit", "data set unit"))
    return "data set unit"


class _Cache:
    """Keeps the results of finished stages, as long as they come from the same data and settings."""

    def __init__(self, folder: Path, key: dict[str, Any]) -> None:
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        known = (folder / "key").read_text() if (folder / "key").is_file() else ""
        if known != digest:
            if known:
                logger.warning("%s: stopped training of other settings or data; training begins anew", folder)
            shutil.rmtree(folder, ignore_errors=True)
        write_text(folder / "key", digest)
        self._folder = folder

    def get(self, name: str, load: Callable[[Path], T], make: Callable[[], T], save: Callable[[T, Path], None]) -> T:
        path = self._folder / name
        if not path.is_file():
            partial = path.with_name("partial-" + name)
            save(make(), partial)
            partial.replace(path)
        return load(path)
