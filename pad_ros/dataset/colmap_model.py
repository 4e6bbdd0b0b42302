"""COLMAP's models, text and binary: cameras and poses of photos, and where the photos are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pad_ros.common.files import shown
from pad_ros.common.quiet_pycolmap import pycolmap
from pad_ros.dataset.transforms import COEFFICIENTS, COLMAP_MODELS
from pad_ros.errors import DatasetError
from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.lens import Lens

_MODEL_FOLDERS = ("", "sparse/0", "sparse", "colmap/sparse/0", "model", "dense/sparse")
_PHOTO_FOLDERS = ("images", "train/good", "input", "dense/images", "")


def find_model(root: Path) -> Path | None:
    """The folder of a COLMAP model in or below a class, where COLMAP and its users put one."""
    for folder in _MODEL_FOLDERS:
        for suffix in ("bin", "txt"):
            if all((root / folder / f"{name}.{suffix}").is_file() for name in ("cameras", "images", "points3D")):
                return root / folder
    return None


def read_model(root: Path, folder: Path) -> list[tuple[Path, Matrix, Lens]]:
    """Photo, camera-to-object pose [4, 4] (OpenCV axes) and lens of each registered image, in the order of their names.

    Raises:
        DatasetError: the model is broken, has no images or a lens that is not supported, or a photo is not there.
    """
    try:
        model = pycolmap.Reconstruction(folder)
    except Exception as error:  # pycolmap raises several kinds, ValueError and RuntimeError among them
        raise DatasetError(f"{shown(folder)}: not a readable COLMAP model ({' '.join(str(error).split())})") from None
    images = sorted((model.images[index] for index in model.reg_image_ids()), key=lambda image: image.name)
    if not images:
        raise DatasetError(f"{shown(folder)}: a COLMAP model without images, so no poses")
    places = [root / folder for folder in _PHOTO_FOLDERS]
    photos = next((place for place in places if (place / images[0].name).is_file()), None)
    if photos is None:
        raise DatasetError(
            f"{shown(folder)}: the photo {images[0].name!r} is not there; looked in "
            f"{', '.join(shown(place) for place in places)}"
        )
    missing = [image.name for image in images if not (photos / image.name).is_file()]
    if missing:
        raise DatasetError(
            f"{shown(photos)}: {len(missing)} of {len(images)} photos of the COLMAP model are not "
            f"there, as {missing[0]!r}"
        )
    views = []
    for image in images:
        pose = np.eye(4)
        pose[:3] = image.cam_from_world().matrix()
        views.append((photos / image.name, invert_rigid(pose), read_lens(image.camera, shown(folder))))
    return views


def read_lens(camera: Any, source: str = "COLMAP model") -> Lens:
    """The lens of a `pycolmap.Camera`; both have pixel centres at +0.5.

    Raises:
        DatasetError: a camera model that is not supported.
    """
    name = camera.model.name
    if name not in COLMAP_MODELS:
        raise DatasetError(
            f"{source}: camera model {name} is not supported; undistort the photos (colmap "
            f"image_undistorter), or use one "
            f"of {', '.join(COLMAP_MODELS)}"
        )
    model, names = COLMAP_MODELS[name]
    values: dict[str, float] = dict(
        zip([word.strip() for word in camera.params_info.split(",")], camera.params, strict=True)
    )
    fx, fy = (float(values[key] if key in values else values["f"]) for key in ("fx", "fy"))
    ideal = Camera(camera.width, camera.height, fx, fy, float(values["cx"]), float(values["cy"]))
    given = {"k1": values["k"]} if "k" in values else values  # SIMPLE_RADIAL
    coefficients = [given.get(key, 0.0) if key in names else 0.0 for key in COEFFICIENTS[model]]
    lens = Lens(ideal, model, tuple(coefficients))
    return lens if lens.distorted else Lens(ideal)
