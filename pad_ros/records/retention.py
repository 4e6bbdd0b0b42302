"""Keeps the records within limits: old and many pictures go, and rows of an age; a full disk is made room on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.exc import DBAPIError

from pad_ros.errors import ConfigError
from pad_ros.records.models import SENT, ProductRow, SyncState
from pad_ros.records.pictures import FOLDER, heat_path
from pad_ros.records.store import Store

_AT_ONCE = 1000  # rows


@dataclass(frozen=True)
class Limits:
    """How much is kept.

    Args:
        picture_days: pictures older than that go.
        picture_gb: pictures take no more than so many gigabytes (10⁹ bytes); the oldest go.
        free_gb: so much of the disk is left free, at the cost of pictures.
        row_days: rows older than that go, unless a target of `pad records sync` has yet to get them.
    """

    picture_days: float = 30.0
    picture_gb: float = 20.0
    free_gb: float = 1.0
    row_days: float = 730.0

    def __post_init__(self) -> None:
        """Checks the limits.

        Raises:
            ConfigError: one is negative.
        """
        for name in ("picture_days", "picture_gb", "free_gb", "row_days"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"records: {name} must be >= 0, got {getattr(self, name)}")

    def room(self, folder: Path) -> bool:
        """Whether the disk has room for one more picture."""
        return shutil.disk_usage(folder).free > 1e9 * self.free_gb


def tidy(store: Store, limits: Limits) -> tuple[int, int]:
    """Removes what is beyond the limits; returns how many pictures and rows went."""
    pictures = _tidy_pictures(store.folder, limits, store.clock())
    rows = _tidy_rows(store, limits)
    store.checkpoint()
    store.keep_reserve()
    return pictures, rows


def _tidy_pictures(folder: Path, limits: Limits, now: datetime) -> int:
    days = sorted((folder / FOLDER).glob("*"))  # named so that the oldest is the first
    oldest = (now - timedelta(days=limits.picture_days)).timestamp()
    total = sum(status.st_size for day in days for _, status in _files(day))  # one at a time: there may be very many
    short = 1e9 * limits.free_gb - shutil.disk_usage(folder).free
    short += 1e8 * limits.free_gb * (short > 0)  # for some time, not for one picture
    gone = 0
    for day in days:
        if total <= 1e9 * limits.picture_gb and short <= 0 and _newer(day, oldest):
            break
        for written, size, path in sorted(_pictures(day)):
            if written >= oldest and total <= 1e9 * limits.picture_gb and short <= 0:
                break
            with suppress(OSError):
                path.unlink()
            with suppress(OSError):
                heat_path(path).unlink()
            total -= size
            short -= size
            gone += 1
        with suppress(OSError):  # not empty
            day.rmdir()
    return gone


def _files(day: Path) -> Iterator[tuple[Path, os.stat_result]]:
    with suppress(OSError), os.scandir(day) as entries:
        for entry in entries:
            with suppress(OSError):  # another process tidies too
                yield Path(entry.path), entry.stat()


def _newer(day: Path, oldest: float) -> bool:
    return all(status.st_mtime >= oldest for _, status in _files(day))


def _pictures(day: Path) -> Iterator[tuple[float, int, Path]]:
    """When each was written, its bytes with those of its anomaly map, its path."""
    for path, status in _files(day):
        if path.suffix == ".npz":
            continue
        size = status.st_size
        with suppress(OSError):
            size += heat_path(path).stat().st_size
        yield status.st_mtime, size, path


def _tidy_rows(store: Store, limits: Limits) -> int:
    oldest = store.clock() - timedelta(days=limits.row_days)
    gone = 0
    for table in SENT:
        if table is ProductRow:  # few, and rows of views refer to them
            continue
        with store.session() as session:
            sent = session.scalar(select(func.min(SyncState.last_id)).where(SyncState.table == table.__tablename__))
        due = select(table.id).where(table.recorded < oldest, *([] if sent is None else [table.id <= sent]))
        while went := _delete(store, table, due.limit(_AT_ONCE)):
            gone += went
    return gone


def _delete(store: Store, table: type[Any], some: Select[Any]) -> int:
    """Deletes some rows; few at a time, so that a decision never waits long."""
    with suppress(DBAPIError), store.engine.begin() as connection:
        numbers = connection.scalars(some).all()
        if numbers:
            connection.execute(delete(table).where(table.id.in_(numbers)))
        return len(numbers)
    return 0  # on a full disk, or while another writes: next time
