"""Contact sheets: a class at a glance, rendered small and quickly, or made of the images that stand."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pad_ros.common.drawing import Color, draw_text, shorten, text_width
from pad_ros.dataset.classes import TestView, read_class
from pad_ros.images import read_image, write_image
from pad_ros.results import Image, Mask
from pad_ros.synthesis import cameras
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.blender import find_blender
from pad_ros.synthesis.generate import describe_defect
from pad_ros.synthesis.job import Row, assemblies_of, render_rows, test_row, train_row
from pad_ros.synthesis.planning import SynthesisSettings, TestObject, plan_images, plan_objects, plan_train
from pad_ros.synthesis.record import PREVIEW, read_record
from pad_ros.synthesis.storage import clear_errors

SIZE = 240  # pixels of a picture on the sheet
COLUMNS = 6
_RESOLUTION, _SAMPLES = 360, 4  # of what is rendered for it: shrinking smooths edges at little cost
_MARGIN, _GAP, _HEADER, _CAPTION = 14, 8, 46, 40
_INK: Color = (24, 26, 32)
_SOFT: Color = (104, 108, 118)
_PAPER: Color = (246, 246, 244)
_MARK: Color = (255, 0, 168)


@dataclass(frozen=True)
class Tile:
    """One picture of a sheet: RGB [H, W, 3], what it is, and the defect's pixels [H, W] to be outlined."""

    image: Image
    title: str
    detail: str = ""
    mask: Mask | None = None


def write_preview(out: Path | str, intact: Assembly, settings: SynthesisSettings) -> Path:
    """Writes a class's contact sheet to `out`/CLASS_preview.png: the images that stand there, else new small ones.

    Raises:
        SynthesisError: Blender is missing or failed, or the file cannot be written.
    """
    out = Path(out)
    noted = (read_record(out).get("classes") or {}).get(intact.name, {})
    tiles = _standing_tiles(out / intact.name, noted) if "checksums" in noted else _rendered_tiles(intact, settings)
    path = out / f"{intact.name}{PREVIEW}"
    with clear_errors(path):
        write_image(path, contact_sheet(intact.name.replace("_", " "), f"{len(intact.parts)} parts", tiles))
    return path


def contact_sheet(title: str, remark: str, tiles: Sequence[Tile], columns: int = COLUMNS, size: int = SIZE) -> Image:
    """Lays pictures out in rows under a title, each with its caption; RGB uint8 [H, W, 3]."""
    rows = -(-len(tiles) // columns)
    height = _HEADER + rows * (size + _CAPTION + _GAP) + _MARGIN - _GAP
    sheet = np.empty((height, 2 * _MARGIN + columns * (size + _GAP) - _GAP, 3), dtype=np.uint8)
    sheet[:] = _PAPER
    draw_text(sheet, title, (_MARGIN, 0), _HEADER, 24, _INK, bold=True)
    draw_text(sheet, remark, (_MARGIN + text_width(title, 24, bold=True) + 14, 3), _HEADER, 16, _SOFT)
    for index, tile in enumerate(tiles):
        x = _MARGIN + index % columns * (size + _GAP)
        y = _HEADER + index // columns * (size + _CAPTION + _GAP)
        sheet[y : y + size, x : x + size] = _picture(tile, size)
        draw_text(sheet, tile.title, (x + 2, y + size + 2), 18, 14, _INK, bold=True)
        draw_text(sheet, shorten(tile.detail, 13, size - 4), (x + 2, y + size + 18), 18, 13, _SOFT)
    return sheet


def _picture(tile: Tile, size: int) -> Image:
    shrinks = len(tile.image) > size
    picture = cv2.resize(tile.image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    if tile.mask is not None and tile.mask.any():
        mask = cv2.resize(tile.mask.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA) > 0.2
        ring = cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
        contours, _ = cv2.findContours(ring, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)  # beside what it marks
        cv2.drawContours(picture, contours, -1, _MARK, 2, cv2.LINE_AA)
    return picture  # type: ignore[return-value]


def _train_count(objects: int) -> int:
    """How many training views fill the first row up: at least three."""
    count = -objects % COLUMNS
    return count if count >= 3 else count + COLUMNS


def _train_tile(image: Image) -> Tile:
    return Tile(image, "train")


def _test_tile(image: Image, kind: str, description: str, mask: Mask) -> Tile:
    detail = re.sub(r"\b\d+_", "", description.partition(": ")[2]).replace("_", " ")  # parts' names, less their numbers
    return Tile(image, f"{kind}  {100 * mask.mean():.2f} %" if mask.any() else kind, detail, mask)


def _standing_tiles(root: Path, noted: dict[str, Any]) -> list[Tile]:
    """Tiles of a class that is rendered; `noted` is what `dataset.yaml` says of it."""
    data = read_class(root)
    shape = (data.camera.height, data.camera.width)
    by_part = sorted(data.test, key=lambda view: (view.part_id, view.view_index))
    parts = [list(views) for _, views in groupby(by_part, key=lambda view: view.part_id)]
    tiles = [_train_tile(read_image(view.path)) for view in data.train[: _train_count(len(parts))]]
    for number, views in enumerate(parts):
        masks = [view.read_ground_truth(shape) for view in views]
        best = _best(masks, number)
        tiles.append(_standing_tile(views[best], masks[best], noted.get("defects", {}).get(views[best].part_id, "")))
    return tiles


def _standing_tile(view: TestView, mask: Mask, description: str) -> Tile:
    return _test_tile(read_image(view.path), description.partition(":")[0] or "good", description, mask)


def _rendered_tiles(intact: Assembly, settings: SynthesisSettings) -> list[Tile]:
    """Tiles of a class as it is going to be: the same plan, rendered small."""
    python = find_blender()
    objects = plan_objects(intact, settings)
    train = plan_train(intact, settings)[: _train_count(len(objects))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows: list[Row] = [train_row(folder / f"train{nth}.png", pose) for nth, pose in enumerate(train)]
        masks = []
        for number, part in enumerate(objects):
            seen = _masks(intact, part)
            best = _best(seen, number)
            masks.append(seen[best])
            rows.append(test_row(folder / f"{part.part_id}.png", part, best))
        for _ in render_rows(python, _RESOLUTION, _SAMPLES, assemblies_of(intact, objects), rows):
            pass
        tiles = [_train_tile(read_image(row["path"])) for row in rows[: len(train)]]
        for part, mask in zip(objects, masks, strict=True):
            image = read_image(folder / f"{part.part_id}.png")
            tiles.append(_test_tile(image, part.kind, describe_defect(part), mask))
    return tiles


def _masks(intact: Assembly, part: TestObject) -> list[Mask]:
    """The defect's pixels in each view, as large as the images."""
    if part.defect is None:
        return [np.zeros((_RESOLUTION, _RESOLUTION), dtype=bool) for _ in part.poses]
    return [image.defect_mask for image in plan_images(intact, part, cameras.make_camera(_RESOLUTION), {})]


def _best(masks: Sequence[Mask], number: int) -> int:
    """The view that shows the most of the defect; without one, another view for each object."""
    areas = [int(mask.sum()) for mask in masks]
    return int(np.argmax(areas)) if any(areas) else number % len(masks)
