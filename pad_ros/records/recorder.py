"""Writes verdicts down, with their pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pad_ros.common.files import shown
from pad_ros.errors import RecordsError, WriteError
from pad_ros.product import Product
from pad_ros.records.backlog import Backlog
from pad_ros.records.models import View
from pad_ros.records.pictures import Picture, Sample, picture_path, write_picture
from pad_ros.records.retention import Limits, tidy
from pad_ros.records.store import Store
from pad_ros.records.verdicts import Seen, product_row, product_row_of, view_row
from pad_ros.results import Inspection, Map


class Recorder:
    """Keeps verdicts within limits.

    Never raises for what cannot be written; `fault` says so. A verdict said twice is kept once.

    Args:
        store: the records.
        sample: which pictures are kept.
        limits: how much is kept.
    """

    def __init__(self, store: Store, sample: Sample | None = None, limits: Limits | None = None) -> None:
        self.store, self.sample, self._limits = store, sample or Sample(), limits or Limits()
        self._backlog = Backlog(store, "verdicts")
        self._products: set[str] = set()  # checksums of those on record
        self.picture_fault = ""
        self._full = False

    @property
    def fault(self) -> str:
        """What cannot be kept; empty when all is."""
        return self._backlog.fault or self.picture_fault

    def product(self, product: Product, folder: Path | str) -> None:
        """Keeps which product the verdicts to come are by."""
        if product.checksum not in self._products:
            self._products.add(product.checksum)
            self._backlog.add(product_row(product, folder, self.store.station))

    def product_of(self, folder: Path | str, name: str, checksum: str) -> None:
        """The same, without loading it.

        Raises:
            ProductError: the folder holds another product, or no calibration.
        """
        if checksum not in self._products:
            row = product_row_of(folder, name, checksum, self.store.station)
            self._products.add(checksum)
            self._backlog.add(row)

    def add(
        self,
        seen: Seen,
        inspection: Inspection,
        product: str,
        checksum: str,
        picture: Callable[[], Picture | None],
        heat: Map | None = None,
    ) -> View:
        """Keeps a verdict, and its picture if it is one of those that are kept.

        Args:
            seen: which image.
            inspection: the verdict.
            product: the name of the product that it was judged by.
            checksum: the product's.
            picture: makes the image as it is to be kept; None when there is none.
            heat: its anomaly map [H, W], to be kept too.
        """
        row = view_row(seen, inspection, product, checksum, self.store.station)
        row.recorded = self.store.clock()
        if self.sample.takes(row.uid, row.anomalous):
            row.picture = self._keep(row, picture, heat)
        self._backlog.add(row)
        return row

    def tidy(self) -> None:
        """Removes what is beyond the limits, and writes what waits."""
        tidy(self.store, self._limits)
        self._backlog.add(now=True)
        if self._full and self._limits.room(self.store.folder):
            self.picture_fault, self._full = "", False

    def _keep(self, row: View, make: Callable[[], Picture | None], heat: Map | None) -> str | None:
        if not self._limits.room(self.store.folder):
            tidy(self.store, self._limits)
            if not self._limits.room(self.store.folder):
                self._full = True
                self.picture_fault = f"{self.store.folder}: the disk is nearly full: no pictures are kept"
                return None
        picture = make()
        if picture is None:
            return None
        path = picture_path(row.uid, row.recorded, picture.suffix)
        try:
            write_picture(self.store.folder, path, picture, heat)
        except WriteError as error:
            self.picture_fault = str(error)
            return None
        self.picture_fault, self._full = "", False
        return path


@contextmanager
def recording(
    folder: Path | str, station: str, product: Product, product_folder: Path | str
) -> Iterator[Callable[[Path, Inspection], View]]:
    """Yields a function that keeps the verdict on an image file; used by `pad inspect`.

    Raises:
        RecordsError: the records cannot be opened or written.
    """
    recorder = Recorder(Store(folder, station))
    recorder.product(product, product_folder)

    def keep(path: Path, inspection: Inspection) -> View:
        seen = Seen(shown(path), stamp=time.time_ns(), arrival=time.monotonic_ns())
        return recorder.add(seen, inspection, product.name, product.checksum, lambda: _file(path))

    try:
        yield keep
    finally:
        recorder.tidy()
        recorder.store.close()
    if recorder.fault:
        raise RecordsError(recorder.fault)


def _file(path: Path) -> Picture | None:
    try:
        return Picture.of_file(path.read_bytes())
    except OSError:
        return None
