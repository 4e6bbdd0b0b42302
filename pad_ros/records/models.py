"""The tables of the records: the same on the station, in SQLite, and in a plant's PostgreSQL.

Rows are only ever added (old ones go, by `retention.py`). `uid` is made from what a row is about, so the same thing
said twice is the same row, and `id` numbers the rows of one database in the order in which they came.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, SupportsFloat
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, ForeignKey, Integer, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SCHEMA_VERSION = 1
_Count = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by INTEGER alone; it has 64 bits there


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: UTC in Python and in PostgreSQL; SQLite has no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        return None if value is None else value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


Clock = Callable[[], datetime]


def uid_of(*about: object) -> str:
    """The uid of a row about these things."""
    return str(uuid5(NAMESPACE_URL, "pad_ros " + " | ".join(map(str, about))))


def number(value: SupportsFloat) -> float | None:
    """A number as databases take it: none for NaN."""
    return None if math.isnan(value) else float(value)


def now() -> datetime:
    """The present moment, UTC."""
    return datetime.now(timezone.utc)


class Base(DeclarativeBase):
    """Base of the tables; a `dict` is kept as JSON."""


class Meta(Base):
    """Facts on the database itself: `schema`."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))


class Kept:
    """What all tables that are sent on have; `recorded` is when, by the station's clock."""

    id: Mapped[int] = mapped_column(_Count, primary_key=True, autoincrement=True)
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    station: Mapped[str] = mapped_column(String(80), index=True)
    recorded: Mapped[datetime] = mapped_column(UtcDateTime, index=True, default=now)


class ProductRow(Kept, Base):
    """A product that images were judged by, with its calibration: what scores of good parts were then."""

    __tablename__ = "products"
    name: Mapped[str]
    checksum: Mapped[str] = mapped_column(String(64), index=True)
    folder: Mapped[str]
    threshold: Mapped[float]
    scores: Mapped[list[float]] = mapped_column(JSON)


class View(Kept, Base):
    """The verdict on one image; times in nanoseconds, `pose` is object_from_camera 4×4."""

    __tablename__ = "views"
    image: Mapped[str]  # the file, or the topic's frame and stamp
    picture: Mapped[str | None]  # where it was kept, relative to the records' folder; it may be gone by now
    stamp: Mapped[int] = mapped_column(BigInteger)  # the camera's clock
    arrival: Mapped[int] = mapped_column(BigInteger, index=True)  # the judging process's steady clock
    run: Mapped[int]
    product: Mapped[str]
    product_checksum: Mapped[str] = mapped_column(String(64))
    part_id: Mapped[str] = mapped_column(index=True)
    view_index: Mapped[int]
    view_count: Mapped[int]
    status: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str]
    score: Mapped[float | None]
    threshold: Mapped[float | None]
    anomalous: Mapped[bool]
    pose: Mapped[list[list[float]] | None] = mapped_column(JSON(none_as_null=True))
    inliers: Mapped[int]
    timings: Mapped[dict[str, float]] = mapped_column(JSON)  # milliseconds
    versions: Mapped[str]
    regions: Mapped[list[RegionRow]] = relationship(order_by="RegionRow.number", lazy="selectin")


class RegionRow(Base):
    """A region of a view; the box in pixels of the image."""

    __tablename__ = "regions"
    view_uid: Mapped[str] = mapped_column(ForeignKey("views.uid", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(10))
    x: Mapped[int]
    y: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    peak: Mapped[float]
    area: Mapped[int]


class DecisionRow(Kept, Base):
    """What was done with one part; `arrivals` are its views'. Times in nanoseconds of the camera's clock."""

    __tablename__ = "decisions"
    sequence: Mapped[int] = mapped_column(BigInteger)
    run: Mapped[int]
    part_id: Mapped[str] = mapped_column(index=True)
    reject: Mapped[bool]
    reason: Mapped[str]
    score: Mapped[float | None]
    views: Mapped[int]
    stamp: Mapped[int] = mapped_column(BigInteger)
    gate_time: Mapped[int] = mapped_column(BigInteger)
    arrivals: Mapped[list[int]] = mapped_column(JSON)


class Answer(Kept, Base):
    """What the PLC made of a decision: taken, or why it never was."""

    __tablename__ = "answers"
    decision_uid: Mapped[str] = mapped_column(String(36), index=True)
    taken: Mapped[bool]
    text: Mapped[str]


class SyncState(Base):
    """How far a table of this station has been sent to a target; of the station alone."""

    __tablename__ = "sync_state"
    target: Mapped[str] = mapped_column(String(200), primary_key=True)
    table: Mapped[str] = mapped_column(String(40), primary_key=True)
    last_id: Mapped[int] = mapped_column(BigInteger)


# In this order they are sent: nothing comes before what it refers to.
SENT: tuple[type[Any], ...] = (ProductRow, View, DecisionRow, Answer)
