"""From photos of the good part with poses to a product: map, splats, threshold."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import yaml

import pad_ros
from pad_ros.adapting import calibrate_product
from pad_ros.anomaly.calibration import Calibration
from pad_ros.augmentation import line_image
from pad_ros.common.files import write_text
from pad_ros.common.progress import Progress, silent
from pad_ros.common.registry import check_settings
from pad_ros.dataset.classes import ClassData
from pad_ros.dataset.cutouts import Cutout, read_cutouts
from pad_ros.geometry import Matrix
from pad_ros.inspector import create_stages
from pad_ros.lens import Lens
from pad_ros.localization.map_builder import build_map
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.product import Product
from pad_ros.results import Image
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
    front_end, weights_sha256 = stages.front_end, stages.weights_sha256
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
            [cutout.alpha for cutout in used],
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
