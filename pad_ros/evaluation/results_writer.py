"""The results folder: one line per image in `results.jsonl`, with the pictures and maps that belong to it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from pad_ros.errors import EvaluationError
from pad_ros.evaluation.overlay import draw_overlay
from pad_ros.results import RESULT_FOLDERS, RESULTS_FILE, Image, Inspection, is_result_picture

_REPORT_FILE = "report.html"
_THUMBNAIL = 480  # pixels, the longer side
_JPEG_QUALITY = 86


class ResultWriter:
    """Writes results as they come; every line is complete on disk before the next image.

    A line holds `image`, `part_id`, `view_index`, `view_count`, `label` (the data set's, or null), the fields of
    `Inspection.to_dict`, and the paths `view`, `reference`, `overlay`, `map`, relative to the folder (or null).
    """

    def __init__(self, folder: Path | str, save_maps: bool = False, pictures: bool = True) -> None:
        """Starts the folder; an earlier run's results in it are replaced.

        Args:
            folder: made when missing.
            save_maps: also write each anomaly map as float32 `.npy` [H, W].
            pictures: whether to write any; without them a line names none.

        Raises:
            EvaluationError: the folder cannot be written.
        """
        self.folder = Path(folder)
        self._save_maps, self._pictures = save_maps, pictures
        self._count = 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if (self.folder / RESULTS_FILE).exists():  # ours: what belongs to the old lines would only confuse
                for name in RESULT_FOLDERS.values():
                    for old in (self.folder / name).glob("*"):
                        if is_result_picture(old):
                            old.unlink()
                (self.folder / _REPORT_FILE).unlink(missing_ok=True)
            self._file = open(self.folder / RESULTS_FILE, "w", encoding="utf-8")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise EvaluationError(f"{self.folder}: results cannot be written there ({error.strerror})") from None

    def __enter__(self) -> ResultWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(
        self,
        name: str,
        image: Image | None,
        inspection: Inspection,
        part_id: str = "",
        view_index: int = 0,
        view_count: int = 1,
        *,
        label: str | None = None,
        reference: Image | None = None,
        overlay: Image | None = None,
    ) -> dict[str, Any]:
        """Writes the result of one image, and returns its line.

        Args:
            name: of the image: its file, topic or stamp.
            image: RGB [H, W, 3]; None when it could not be read.
            inspection: its result.
            part_id: the part it shows; without one ("") the image is a part of its own.
            view_index: which view of the part, from 0.
            view_count: how many views the part has; 0 when unknown.
            label: what the data set says of it, for the report.
            reference: the twin's view, where the inspection does not carry one.
            overlay: a picture drawn already, instead of drawing one.

        Raises:
            EvaluationError: the folder cannot be written any more.
        """
        stem = f"{self._count:05d}-{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')[-60:]}"
        self._count += 1
        if image is not None and (image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size):
            image = None  # a result for it exists, a picture cannot
        if reference is None and inspection.reference is not None:
            reference = inspection.reference.image
        if overlay is None and image is not None and self._pictures:
            overlay = draw_overlay(image, inspection)
        row = {
            "image": name,
            "part_id": part_id or name,
            "view_index": view_index,
            "view_count": view_count,
            "label": label,
            **inspection.to_dict(),
        }
        try:
            row["view"] = self._picture("view", stem, image, _THUMBNAIL)
            row["reference"] = self._picture("reference", stem, reference, _THUMBNAIL)
            row["overlay"] = self._picture("overlay", stem, overlay)
            row["map"] = self._map(stem, inspection)
            self._file.write(json.dumps(row, allow_nan=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise EvaluationError(f"{self.folder}: results cannot be written there ({error.strerror})") from None
        return row

    def close(self) -> None:
        """Closes the file; may be called twice."""
        self._file.close()

    def _path(self, kind: str, name: str) -> Path:
        path = self.folder / RESULT_FOLDERS[kind] / name
        path.parent.mkdir(exist_ok=True)
        return path

    def _picture(self, kind: str, stem: str, image: Image | None, longest: int | None = None) -> str | None:
        if image is None or not self._pictures:
            return None
        path = self._path(kind, f"{stem}.jpg")
        path.write_bytes(encode_jpeg(image, longest))
        return path.relative_to(self.folder).as_posix()

    def _map(self, stem: str, inspection: Inspection) -> str | None:
        if not self._save_maps or inspection.anomaly_map is None:
            return None
        path = self._path("map", f"{stem}.npy")
        np.save(path, inspection.anomaly_map.astype(np.float32, copy=False), allow_pickle=False)
        return path.relative_to(self.folder).as_posix()


def encode_jpeg(image: Image, longest: int | None = None) -> bytes:
    """Encodes RGB uint8 [H, W, 3] as JPEG, made smaller where its longer side exceeds `longest` pixels."""
    factor = (longest or max(image.shape[:2])) / max(image.shape[:2])
    if factor < 1.0:
        size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def read_results(folder: Path | str) -> list[dict[str, Any]]:
    """Reads the lines of a results folder.

    Raises:
        EvaluationError: no results there, or a line that is not one; says which.
    """
    path = Path(folder) / RESULTS_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: no readable results ({error}); `pad inspect` writes them") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not {"image", "part_id", "status", "anomalous"} <= row.keys():
            raise EvaluationError(f"{path} line {number}: not a result; was the file cut short?")
        rows.append(row)
    return rows
