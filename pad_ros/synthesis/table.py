"""The table of a data set: per class what the paper's Table 1 says, and how large and complex everything is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from pad_ros.common.tables import format_table
from pad_ros.errors import SynthesisError
from pad_ros.synthesis.record import read_classes

_COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "parts": lambda s: str(s["parts"]),
    "colours": lambda s: str(s["colours"]),
    "holes": lambda s: f"{s['holes']:.1f}",
    "complexity": lambda s: f"{s['complexity']:.1f}",
    "anomalous %": lambda s: _percent(s["anomalous"], 0),
    "defect, % of image": lambda s: _percent(s["image_share"]["median"], 2),
    "defect, % of object": lambda s: _percent(s["object_share"]["median"], 1),
}


def data_set_table(out: Path, markdown: bool = False, classes: Collection[str] | None = None) -> str:
    """The classes that stand complete in a data set, the simplest first; see `ClassStatistics` for the columns.

    Defects' sizes are medians over the anomalous images.

    Args:
        out: the data set.
        markdown: the table's form.
        classes: only these; all when None.

    Raises:
        SynthesisError: `out` holds no data set of ours, or one of the classes is not complete in it.
    """
    statistics = {name: entry["statistics"] for name, entry in read_classes(out).items() if "statistics" in entry}
    if classes is not None:
        if not set(classes) <= statistics.keys():
            raise SynthesisError(f"{out}: {sorted(set(classes) - statistics.keys())} do not stand complete in it")
        statistics = {name: statistics[name] for name in classes}
    names = sorted(statistics, key=lambda name: float(statistics[name]["complexity"]))
    rows = [[name, *(cell(statistics[name]) for cell in _COLUMNS.values())] for name in names]
    return format_table(["class", *_COLUMNS], rows, markdown)


def _percent(share: float | None, digits: int) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f}"
