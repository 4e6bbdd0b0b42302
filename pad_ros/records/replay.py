"""Judges recorded images again: the same image and product give the same score, or something has changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pad_ros.errors import ImageError, ProductError
from pad_ros.images import read_image
from pad_ros.inspector import Inspector
from pad_ros.product import Product
from pad_ros.records.models import ProductRow, View
from pad_ros.records.verdicts import versions
from pad_ros.results import Inspection, Status

TOLERANCE = 1e-3  # relative: what other processors make of the same arithmetic

_NOT_JUDGED = (Status.TIMEOUT.name, Status.ERROR.name)  # for reasons that are not the image's


@dataclass(frozen=True)
class Again:
    """A recorded verdict and the one of today; `problem` says why there is none of today."""

    view: View
    inspection: Inspection | None = None
    problem: str = ""

    @property
    def same(self) -> bool:
        """Whether status, verdict and score are the recorded ones."""
        new = self.inspection
        if new is None or (new.status.name, bool(new.anomalous)) != (self.view.status, self.view.anomalous):
            return False
        return self.view.score is None or math.isclose(new.score, self.view.score, rel_tol=TOLERANCE)

    def line(self) -> str:
        """One line for people."""
        name = f"{self.view.part_id} view {self.view.view_index}"
        if self.inspection is None:
            return f"{name}: not judged again: {self.problem}"
        then, today = (_said(status, score) for status, score in self._both())
        changed = "" if versions() == self.view.versions else "; other versions"
        return f"{name}: recorded {then}, now {today}: {'the same' if self.same else f'DIFFERS{changed}'}"

    def _both(self) -> list[tuple[str, float | None]]:
        new = self.inspection or Inspection(Status.ERROR)
        return [(self.view.status, self.view.score), (new.status.name, new.score)]


def replay(folder: Path, views: Iterable[View], inspector_of: Callable[[View], Inspector]) -> Iterable[Again]:
    """Judges the recorded images again, one at a time.

    Args:
        folder: of the records.
        views: recorded verdicts.
        inspector_of: gives the inspector of a verdict's product; may raise ProductError.
    """
    for view in views:
        if view.status in _NOT_JUDGED:
            yield Again(view, problem=f"it was not judged then ({view.status})")
            continue
        path = folder / view.picture if view.picture else None
        if path is None or not path.is_file():
            yield Again(view, problem="its picture was not kept" if path is None else "its picture is gone by now")
            continue
        try:
            inspector = inspector_of(view)
            inspection = inspector.inspect(read_image(path))
        except ProductError as error:
            yield Again(view, problem=str(error))
        except ImageError as error:
            yield Again(view, Inspection(Status.of(error), str(error)))
        else:
            yield Again(view, inspection)


class Inspectors:
    """The inspectors of recorded products, made when they are asked for.

    Args:
        products: the recorded ones, with the folders where they were.
        folders: more folders to look in first.
    """

    def __init__(self, products: Iterable[ProductRow], folders: Iterable[Path] = ()) -> None:
        self._folders = [*folders, *(Path(product.folder) for product in products)]
        self._made: dict[str, Inspector] = {}

    def __call__(self, view: View) -> Inspector:
        """The inspector of the product that a verdict is by.

        Raises:
            ProductError: that product is in none of the folders.
        """
        while view.product_checksum not in self._made and self._folders:
            try:
                product = Product.load(self._folders.pop(0))
            except ProductError:  # gone, or another by now: perhaps the next
                continue
            self._made.setdefault(product.checksum, Inspector(product))
        if view.product_checksum not in self._made:
            raise ProductError(
                f"product {view.product!r} as it was then (sha256 {view.product_checksum[:12]}…) is not at hand; "
                "name its folder with --product"
            )
        return self._made[view.product_checksum]


def _said(status: str, score: float | None) -> str:
    return status if status != Status.OK.name or score is None else f"{score:.6g}"
