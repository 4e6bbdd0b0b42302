"""Lessons: what the stages before the comparison make of an object's images, with the truth beside it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.background.inpainting import create_inpainter
from pad_ros.background.segmentation import create_segmenter
from pad_ros.common.files import replacing
from pad_ros.common.progress import Progress, silent
from pad_ros.dataset.classes import ClassData
from pad_ros.dataset.cutouts import read_cutouts
from pad_ros.errors import DatasetError, InspectionError
from pad_ros.geometry import Camera, Matrix
from pad_ros.images import read_image
from pad_ros.inspector import TRANSMITTANCE_THRESHOLD
from pad_ros.profiles import load_profile
from pad_ros.results import Image, Mask
from pad_ros.splatting.compact import load_compact, save_compact
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.splatting.settings import resolve_settings
from pad_ros.splatting.trainer import train_splats

logger = logging.getLogger(__name__)

_ITERATIONS = 3000  # of the twin's training; where they end sooner, twins are poorer, as those from few photos
_STRIPED = 1  # variants of each image with a stripe of the part's own colour behind the part


@dataclass(frozen=True)
class Lesson:
    """K images of one object in N Gaussians: what the comparison sees but the rendering, and what it should say.

    Attributes:
        gaussians: the twin.
        camera: of all images.
        images: T, uint8 [K, H, W, 3].
        backgrounds: rebuilt behind the part, uint8 [K, H, W, 3].
        object_masks: M_t, bool [K, H, W].
        defects: true where a defect shows, bool [K, H, W].
        poses: camera-to-object, [K, 4, 4].
        parts: which part an image shows, [K].
        variants: 0 for the image as it was, [K]; others have a stripe behind the part.
    """

    gaussians: Gaussians
    camera: Camera
    images: NDArray[np.uint8]
    backgrounds: NDArray[np.uint8]
    object_masks: NDArray[np.bool_]
    defects: NDArray[np.bool_]
    poses: NDArray[np.float64]
    parts: NDArray[np.int64]
    variants: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def save(self, folder: Path) -> None:
        """Writes the lesson's two files."""
        save_compact(self.gaussians, folder / "splats.npz")
        with replacing(folder / "images.npz") as partial, partial.open("wb") as file:
            np.savez_compressed(
                file,
                camera=np.array([getattr(self.camera, name) for name in _CAMERA]),
                images=self.images,
                backgrounds=self.backgrounds,
                object_masks=np.packbits(self.object_masks, axis=2),
                defects=np.packbits(self.defects, axis=2),
                poses=self.poses,
                parts=self.parts,
                variants=self.variants,
            )

    @classmethod
    def load(cls, folder: Path) -> Lesson:
        """Reads what `save` wrote.

        Raises:
            DatasetError: missing or not a lesson.
        """
        try:
            with np.load(folder / "images.npz", allow_pickle=False) as file:
                width, height, *rest = file["camera"]
                camera = Camera(int(width), int(height), *rest)
                masks = [
                    np.unpackbits(file[name], axis=2, count=camera.width).astype(bool)
                    for name in ("object_masks", "defects")
                ]
                arrays = file["images"], file["backgrounds"], *masks, file["poses"], file["parts"], file["variants"]
        except (OSError, ValueError, KeyError) as error:
            raise DatasetError(f"{folder}: no lesson ({error}); make it again") from None
        return cls(load_compact(folder / "splats.npz"), camera, *arrays)


_CAMERA = ("width", "height", "fx", "fy", "cx", "cy")


def make_lesson(data: ClassData, seed: int = 0, progress: Progress = silent) -> Lesson:
    """Trains the twin of an object, and separates its test images with the true poses.

    Raises:
        DatasetError: test images without poses or masks.
    """
    profile = load_profile("cpu")
    views = [view for view in data.test if view.object_from_camera is not None]
    if len(views) < len(data.test) or not views:
        raise DatasetError(f"{data.root}: lessons need the pose of every test image (test_poses.json)")
    gaussians = train_twin(data, seed, progress)
    rasterizer = create_rasterizer(profile["splatting"]["rasterizer"])
    segmenter = create_segmenter(profile["background"]["segmentation"])
    inpainter = create_inpainter(profile["background"]["inpainting"])
    rng = np.random.default_rng(seed)
    names = {name: index for index, name in enumerate(sorted({view.part_id for view in views}))}
    rows: list[tuple[Image, Image, Mask, Mask, Matrix, int, int]] = []
    for view in views:
        pose = view.object_from_camera
        assert pose is not None
        transmittance = rasterizer.render(gaussians, data.camera, pose).transmittance
        silhouette = transmittance < TRANSMITTANCE_THRESHOLD
        image = read_image(view.path)
        truth = view.read_ground_truth(silhouette.shape)
        for number in range(1 + _STRIPED):
            shown = image if number == 0 else with_stripe(image, view.read_object_mask(truth.shape), rng)
            try:
                mask = segmenter.segment(shown, silhouette)
                rows.append((shown, inpainter.inpaint(shown, mask), mask, truth, pose, names[view.part_id], number))
            except InspectionError as error:
                logger.warning("%s: %s", view.path, error)
    return Lesson(gaussians, data.camera, *(np.stack(column) for column in zip(*rows, strict=True)))


def train_twin(data: ClassData, seed: int, progress: Progress = silent) -> Gaussians:
    """The twin of an object from its training views, without a map to begin from."""
    cutouts = read_cutouts(data)
    return train_splats(
        [cutout.image for cutout in cutouts],
        [cutout.alpha for cutout in cutouts],
        data.camera,
        [cutout.object_from_camera for cutout in cutouts],
        np.zeros((0, 3)),
        np.zeros((0, 3), np.uint8),
        resolve_settings({"preset": "fast", "iterations": _ITERATIONS}),
        seed=seed,
        progress=progress,
    )


def with_stripe(image: Image, object_mask: Mask, rng: np.random.Generator) -> Image:
    """The image with a rail, seam or hose across it, behind the part, often in a colour of the part."""
    height, width = object_mask.shape
    rows, columns = np.nonzero(object_mask)
    pick = int(rng.integers(len(rows)))
    colour = image[rows[pick], columns[pick]].astype(np.float64) if rng.random() < 0.7 else rng.uniform(0, 255, 3)
    centre = np.array([columns[pick], rows[pick]]) + rng.normal(0, 0.1 * width, 2)
    angle = rng.uniform(0, np.pi)
    along = np.array([np.cos(angle), np.sin(angle)]) * 2 * width
    band = np.zeros(object_mask.shape, np.uint8)
    ends = [tuple(int(value) for value in np.round(centre + sign * along)) for sign in (-1, 1)]
    cv2.line(band, ends[0], ends[1], 255, int(rng.integers(2, max(3, width // 12))), cv2.LINE_AA)
    shade = colour + np.cumsum(rng.normal(0, 0.15, (height, 1, 1)), axis=0) * np.ones((1, width, 1))
    shade = shade + rng.normal(0, 2, (height, width, 3))
    weight = np.where(object_mask, 0.0, band / 255.0)[..., None]
    return np.clip(np.rint(image * (1 - weight) + weight * shade), 0, 255).astype(np.uint8)
