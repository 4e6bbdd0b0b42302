"""The MAD-Sim data set layout, read and written (see docs/dataset.md).

`CLASS/train/good/{i}.png`, `CLASS/transforms.json`, `CLASS/test/{good,DEFECT}/{n}.png` and
`CLASS/ground_truth/DEFECT/{n}_mask.png`; ours adds `CLASS/test_poses.json`, `CLASS/test_masks/` and
`CLASS/test_background_free/` for evaluation only. Files keep Blender/NeRF camera axes; everything returned
is in OpenCV axes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pad_ros.common.files import shown, write_text
from pad_ros.dataset.camera_info import CAMERA_INFO, read_camera_info
from pad_ros.dataset.colmap_model import find_model, read_model
from pad_ros.dataset.photos import find_photos
from pad_ros.dataset.transforms import common_lens, describe_lens, read_lenses, says_lens
from pad_ros.errors import DatasetError, ImageError
from pad_ros.geometry import Camera, Matrix, blender_from_opencv_pose, is_rigid, opencv_from_blender_pose
from pad_ros.images import list_images, read_image, read_mask
from pad_ros.lens import Lens
from pad_ros.results import Mask

GOOD = "good"
BACKGROUND_FREE = "test_background_free"  # the folder of the test images' cut-out variants


@dataclass(frozen=True)
class TrainView:
    """A photo of the good part over white, with its camera-to-object pose [4, 4] and the lens that took it."""

    path: Path
    object_from_camera: Matrix
    lens: Lens


@dataclass(frozen=True)
class TestView:
    """A test image; what follows `path` is for evaluation only and None where the data set lacks it."""

    __test__ = False  # not a test case for pytest

    path: Path
    defect: str  # "good" or the defect's name
    part_id: str
    view_index: int
    view_count: int
    mask_path: Path | None = None  # ground truth of the defect
    object_mask_path: Path | None = None
    background_free_path: Path | None = None  # the same image of the part alone, over white
    object_from_camera: Matrix | None = None

    @property
    def anomalous(self) -> bool:
        """Whether the data set labels this image anomalous."""
        return self.defect != GOOD

    def read_ground_truth(self, shape: tuple[int, int]) -> Mask:
        """The defect's mask [H, W], all false for a good image.

        Raises:
            DatasetError: an anomalous image without a mask, or one that is empty, unreadable or of another size.
        """
        if not self.anomalous:
            return np.zeros(shape, dtype=bool)
        if self.mask_path is None:
            raise DatasetError(f"{shown(self.path)}: labelled {self.defect!r} but has no ground-truth mask")
        mask = _read_mask(self.mask_path, shape)
        if not mask.any():
            raise DatasetError(
                f"{shown(self.mask_path)}: nothing is marked in it, but its image is labelled {self.defect!r}"
            )
        return mask

    def read_object_mask(self, shape: tuple[int, int]) -> Mask:
        """The part's own mask [H, W], with which its background-free variant is made where there is none.

        Raises:
            DatasetError: the data set has none, or one that is unreadable or of another size.
        """
        if self.object_mask_path is None:
            raise DatasetError(
                f"{shown(self.path)}: the background-free variant needs an image in {BACKGROUND_FREE} or a mask in "
                "test_masks"
            )
        return _read_mask(self.object_mask_path, shape)


@dataclass(frozen=True)
class ClassData:
    """One class of a data set: one kind of part; where lenses took its photos that differ, `lens` is an ideal one."""

    root: Path
    lens: Lens
    train: list[TrainView]
    test: list[TestView]

    @property
    def camera(self) -> Camera:
        """The ideal camera, into which every photo is brought."""
        return self.lens.camera

    @property
    def name(self) -> str:
        """The class's name: its folder's."""
        return shown(self.root.name)


def list_classes(root: Path | str) -> list[Path]:
    """The class folders of a data set; `root` itself when it is a class.

    Raises:
        DatasetError: neither.
    """
    root = Path(root)
    if (root / "transforms.json").is_file():
        return [root]
    classes = sorted(path.parent for path in root.glob("*/transforms.json") if not path.parent.name.startswith("."))
    if not classes:
        raise DatasetError(f"{root}: no data set; expected transforms.json in it or in its folders")
    return classes


def read_class(root: Path | str) -> ClassData:
    """Reads a class folder: ours or MAD-Sim's.

    Raises:
        DatasetError: poses, intrinsics or images are missing or broken; says which.
    """
    root = Path(root)
    if not (root / "transforms.json").is_file():
        return _without_transforms(root)
    transforms = _read_json(root / "transforms.json")
    frames = transforms.get("frames")
    if not isinstance(frames, list) or not frames:
        raise DatasetError(f"{root / 'transforms.json'}: no frames, so no poses; `pad train` needs photos with poses")
    poses = [_frame_pose(f"{root / 'transforms.json'} frame {index}", frame) for index, frame in enumerate(frames)]
    photos = find_photos(root, [str(frame.get("file_path") or "") for frame in frames])
    size = _size(photos[0])
    if (root / CAMERA_INFO).is_file() and not says_lens(transforms):
        lenses = [read_camera_info(root / CAMERA_INFO, size)] * len(photos)
    else:
        lenses = read_lenses(transforms, size, str(root / "transforms.json"))
    lens = common_lens(lenses)
    train = [TrainView(*view) for view in zip(photos, poses, lenses, strict=True)]
    return ClassData(root, lens, train, _read_test(root))


def _without_transforms(root: Path) -> ClassData:
    """A class whose poses are in a COLMAP model.

    Raises:
        DatasetError: there is none either; says how poses are made of photos or a film.
    """
    model = find_model(root)
    if model is None:
        command = f"pad capture {shown(root)} -o DATASET/CLASS"
        what = f"{shown(root)}: a file" if root.is_file() else f"{root / 'transforms.json'}: missing"
        raise DatasetError(
            f"{what}; a class needs it, or a COLMAP model, for its camera poses. "
            f"From photos or a film of the part alone, this makes a class: `{command}`"
        )
    views = [TrainView(*view) for view in read_model(root, model)]
    return ClassData(root, common_lens([view.lens for view in views]), views, _read_test(root))


def write_transforms(path: Path | str, camera: Camera | Lens, poses: Iterable[tuple[str, Matrix]]) -> None:
    """Writes `transforms.json` for (file path, camera-to-object pose [4, 4] in OpenCV axes) pairs."""
    lens = camera if isinstance(camera, Lens) else Lens(camera)
    frames = [{"file_path": file, "transform_matrix": blender_from_opencv_pose(pose).tolist()} for file, pose in poses]
    _write_json(path, {**describe_lens(lens), "frames": frames})


def write_test_poses(path: Path | str, entries: Iterable[dict[str, Any]]) -> None:
    """Writes `test_poses.json`: one entry per test image.

    Each entry has `file` (relative to the class), `part_id`, `view_index`, `view_count`, `defect` and
    `object_from_camera` (4x4, OpenCV axes), which is stored in Blender axes as `transform_matrix`; others are
    stored as they are.
    """
    images = []
    for entry in entries:
        row = dict(entry)
        row["transform_matrix"] = blender_from_opencv_pose(row.pop("object_from_camera")).tolist()
        images.append(row)
    _write_json(path, {"images": images})


def _write_json(path: Path | str, content: dict[str, Any]) -> None:
    write_text(path, json.dumps(content, indent=1))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise DatasetError(f"{path}: missing; a class needs it for its camera poses") from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: unreadable ({error})") from None
    if not isinstance(content, dict):
        raise DatasetError(f"{path}: expected an object, got {type(content).__name__}")
    return content


def _pose(source: str, matrix: Any) -> Matrix:
    try:
        pose = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError):
        pose = np.full((4, 4), np.nan)
    if not is_rigid(pose):
        raise DatasetError(f"{source}: transform_matrix is not a rigid camera-to-world transform 4x4")
    return opencv_from_blender_pose(pose)


def _frame_pose(source: str, frame: Any) -> Matrix:
    if not isinstance(frame, dict) or "transform_matrix" not in frame:
        raise DatasetError(f"{source}: no transform_matrix, so no pose")
    return _pose(source, frame["transform_matrix"])


def _size(photo: Path) -> tuple[int, int]:
    try:
        height, width = read_image(photo).shape[:2]
    except ImageError as error:
        raise DatasetError(str(error)) from None
    return width, height


def _read_test(root: Path) -> list[TestView]:
    extras: dict[str, dict[str, Any]] = {}
    if (root / "test_poses.json").is_file():
        extras = {row["file"]: row for row in _read_json(root / "test_poses.json").get("images", [])}
    ground_truths = _ground_truths(root)
    views = []
    for path in _test_images(root):
        defect, file = path.parent.name, path.relative_to(root).as_posix()
        extra = extras.get(file, {})
        object_mask = root / "test_masks" / defect / f"{path.stem}_mask.png"
        background_free = root / BACKGROUND_FREE / defect / path.name
        views.append(
            TestView(
                path=path,
                defect=shown(defect),
                part_id=str(extra.get("part_id", shown(f"{defect}/{path.stem}"))),
                view_index=int(extra.get("view_index", 0)),
                view_count=int(extra.get("view_count", 1)),
                mask_path=None if defect == GOOD else ground_truths.get((defect, path.stem)),
                object_mask_path=object_mask if object_mask.is_file() else None,
                background_free_path=background_free if background_free.is_file() else None,
                object_from_camera=_pose(file, extra["transform_matrix"]) if "transform_matrix" in extra else None,
            )
        )
    return views


def _test_images(root: Path) -> list[Path]:
    images = [path for path in list_images(root / "test") if path.parent.parent == root / "test"]

    def order(path: Path) -> tuple[str, int, str]:  # 2.png before 10.png, padded or not
        return path.parent.name, int(path.stem) if path.stem.isdigit() else -1, path.stem

    return sorted(images, key=order)


def _ground_truths(root: Path) -> dict[tuple[str, str], Path]:
    """The mask of each test image, by its label and stem: `STEM_mask`, else `STEM`; a PNG where there are several."""
    found = [path for path in list_images(root / "ground_truth") if path.parent.parent == root / "ground_truth"]
    found.sort(key=lambda path: (path.stem.endswith("_mask"), path.suffix.lower() == ".png"))  # the last one counts
    return {(path.parent.name, path.stem.removesuffix("_mask")): path for path in found}


def _read_mask(path: Path, shape: tuple[int, int]) -> Mask:
    try:
        mask = read_mask(path)
    except ImageError as error:
        raise DatasetError(str(error)) from None
    if mask.shape != shape:
        raise DatasetError(f"{shown(path)}: {mask.shape[1]}x{mask.shape[0]}, the images have {shape[1]}x{shape[0]}")
    return mask
