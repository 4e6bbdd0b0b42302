"""A product for its line: the threshold from images of good parts, and another camera."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path

from pad_ros.anomaly.calibration import calibrate
from pad_ros.anomaly.part_calibration import calibrate_parts
from pad_ros.common.files import shown
from pad_ros.common.progress import Progress, silent
from pad_ros.errors import ImageError, TrainingError
from pad_ros.geometry import Matrix, is_right, pose_error
from pad_ros.images import read_image
from pad_ros.inspector import Inspector
from pad_ros.lens import Lens
from pad_ros.product import Product
from pad_ros.results import Image, Inspection, PoseEstimate, Status

logger = logging.getLogger(__name__)

# Of good images as the line may show them, the localiser must find this share; of fewer than the other, it is said.
_FEWEST_LOCALIZED, _MOST_LOCALIZED = 0.33, 0.9
_OTHER_SCALE = 2.0  # a camera may show the part so many times larger or smaller than the photos


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
    _refuse_most(inspections, len(judged), 0.5)
    groups = None if poses is None else [poses[index].tobytes() for index in judged]  # one pose is one view
    return calibrated(product, [inspections[index] for index in judged], false_reject_rate, groups)


def calibrated(
    product: Product,
    inspections: Sequence[Inspection],
    false_reject_rate: float,
    views: Sequence[Hashable] | None = None,
) -> Product:
    """The product with the threshold, and what is known of parts, from judged images of good parts.

    Args:
        product: what training has set in it before is the prior for images of the line.
        inspections: of good parts, all of them judged.
        false_reject_rate: the wanted share of good images, and of good parts, that are rejected.
        views: in training, which view each image shows; None for images of the line, each a view of its own.

    Raises:
        ConfigError: too few images, or an impossible rate.
    """
    training = (product.calibration.training or product.calibration) if views is None else None
    least = product.profile["calibration"].get("least_threshold", 0.0)  # products of older versions have none
    scores = [inspection.score for inspection in inspections]
    calibration = calibrate(scores, false_reject_rate, groups=views, training=training, least=least)
    part = calibrate_parts(
        [inspection.evidence for inspection in inspections],
        range(len(inspections)) if views is None else views,
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
        i.pose is not None and is_right(*pose_error(i.pose.object_from_camera, p))
        for i, p in zip(inspections, poses, strict=True)
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
