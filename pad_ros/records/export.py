"""The records as a table for other programs: CSV, and Parquet where its library is."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pad_ros.common.files import replacing
from pad_ros.errors import ConfigError
from pad_ros.records.models import View
from pad_ros.records.queries import Part

KINDS = (".csv", ".parquet")


def view_lines(views: Iterable[View]) -> list[dict[str, Any]]:
    """A line for each verdict; regions, pose and timings as JSON."""
    return [
        {
            "id": view.id,
            "uid": view.uid,
            "station": view.station,
            "recorded": view.recorded.isoformat(),
            "image": view.image,
            "picture": view.picture,
            "stamp_ns": view.stamp,
            "product": view.product,
            "product_checksum": view.product_checksum,
            "part_id": view.part_id,
            "view_index": view.view_index,
            "view_count": view.view_count,
            "status": view.status,
            "reason": view.reason,
            "score": view.score,
            "threshold": view.threshold,
            "anomalous": view.anomalous,
            "regions": json.dumps(
                [
                    {"kind": r.kind, "box": [r.x, r.y, r.width, r.height], "peak": r.peak, "area": r.area}
                    for r in view.regions
                ]
            ),
            "object_from_camera": json.dumps(view.pose),
            "inliers": view.inliers,
            "total_ms": view.timings.get("total"),
            "timings_ms": json.dumps(view.timings),
            "versions": view.versions,
        }
        for view in views
    ]


def part_lines(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """A line for each decision."""
    return [
        {
            "id": part.decision.id,
            "uid": part.decision.uid,
            "station": part.decision.station,
            "recorded": part.decision.recorded.isoformat(),
            "sequence": part.decision.sequence,
            "part_id": part.decision.part_id,
            "reject": part.decision.reject,
            "reason": part.decision.reason,
            "score": part.decision.score,
            "views": part.decision.views,
            "stamp_ns": part.decision.stamp,
            "gate_time_ns": part.decision.gate_time,
            "plc": part.gate,
            "plc_answer": part.answer.text if part.answer else None,
            "verdicts": " ".join(view.uid for view in part.views),
        }
        for part in parts
    ]


def write_table(path: Path, lines: list[dict[str, Any]]) -> None:
    """Writes lines as `.csv`, or as `.parquet` where pyarrow is installed.

    Raises:
        ConfigError: another kind of file, or no pyarrow.
        WriteError: it cannot be written there.
    """
    check_kind(path)
    with replacing(path) as partial:
        if path.suffix == ".parquet":
            import pyarrow
            from pyarrow import parquet

            parquet.write_table(pyarrow.Table.from_pylist(lines), partial)
            return
        with open(partial, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            writer = csv.DictWriter(file, list(lines[0]) if lines else [])
            writer.writeheader()
            writer.writerows(lines)


def check_kind(path: Path) -> None:
    """Refuses a kind of file that cannot be written here, before work is done.

    Raises:
        ConfigError: another kind of file, or no pyarrow.
    """
    if path.suffix not in KINDS:
        raise ConfigError(f"{path}: a table is a file that ends in {' or '.join(KINDS)}")
    if path.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401 - only whether it is there
        except ImportError:
            raise ConfigError(f"{path}: Parquet needs pyarrow, which is not installed; use .csv") from None
