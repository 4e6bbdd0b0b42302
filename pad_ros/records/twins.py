"""The twins of a shift's products, for its report: from all around, and beside the worst pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pad_ros.errors import ConfigError, ImageError, ProductError
from pad_ros.evaluation.overlay import draw_overlay
from pad_ros.evaluation.results_writer import encode_jpeg
from pad_ros.geometry import Matrix
from pad_ros.images import read_image
from pad_ros.product import Product
from pad_ros.records.models import View
from pad_ros.records.pictures import read_heat
from pad_ros.records.places import Surface
from pad_ros.records.shift import Shift
from pad_ros.records.verdicts import inspection_of
from pad_ros.results import Image
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.splatting.viewer import Twin

_LONGEST = 640  # pixels


class Twins:
    """The products of a shift, as far as they are at hand.

    Args:
        shift: what was recorded.
        folders: of products, before those that the records name.
    """

    def __init__(self, shift: Shift, folders: Iterable[Path] = ()) -> None:
        wanted = {view.product_checksum for view in shift.views}
        self._twins: dict[str, Twin] = {}
        self._surfaces: dict[str, Surface] = {}
        for folder in [*folders, *(Path(row.folder) for row in shift.products if row.checksum in wanted)]:
            if wanted <= set(self._twins):
                break
            try:
                product = Product.load(folder)
                rasterizer = create_rasterizer(product.profile["splatting"]["rasterizer"])
            except (ProductError, ConfigError):  # gone, or another by now: the report does without
                continue
            if product.checksum in wanted:
                self._twins[product.checksum] = Twin(product.gaussians, product.camera, rasterizer)
                self._surfaces[product.checksum] = Surface(product)

    def surface(self, checksum: str) -> Surface | None:
        """The surface of a product; None when it is not at hand."""
        return self._surfaces.get(checksum)

    def turn(self, checksum: str) -> Iterator[tuple[Matrix, Image]]:
        """Pictures [H, W, 3] from all around a product that is at hand, with their poses [4, 4]."""
        surface = self._surfaces[checksum]
        for pose in surface.picture_poses():
            yield pose, self._twins[checksum].picture(pose)

    def as_seen(self, view: View) -> Image | None:
        """The twin [H, W, 3] as a view should show it; None without it or its pose."""
        twin = self._twins.get(view.product_checksum)
        return None if twin is None or view.pose is None else twin.picture(np.array(view.pose))


def write_worst(records: Path, views: Sequence[View], twins: Twins, out: Path) -> list[dict[str, Any]]:
    """Writes the pictures of views to a folder; returns their lines as `results.jsonl` has them.

    Args:
        records: the records' folder.
        views: what to show; pictures that are gone are left out.
        twins: for the pictures beside.
        out: where they go.
    """
    rows = []
    for index, view in enumerate(views):
        inspection = inspection_of(view)
        row: dict[str, Any] = {
            "image": f"{view.part_id}, {view.recorded.astimezone():%H:%M:%S}",
            "view_index": view.view_index,
            **inspection.to_dict(),
        }
        pictures: dict[str, Image | None] = {"view": _read(records, view), "reference": twins.as_seen(view)}
        image = pictures["view"]
        if image is not None:
            heat = read_heat(records / str(view.picture))
            fits = heat is not None and heat.shape == image.shape[:2]
            pictures["overlay"] = draw_overlay(image, replace(inspection, anomaly_map=heat if fits else None))
        for kind, picture in pictures.items():
            if picture is not None:
                row[kind] = f"{index}-{kind}.jpg"
                (out / row[kind]).write_bytes(encode_jpeg(picture, _LONGEST))
        rows.append(row)
    return rows


def _read(records: Path, view: View) -> Image | None:
    if not view.picture:
        return None
    try:
        return read_image(records / view.picture)
    except ImageError:
        return None
