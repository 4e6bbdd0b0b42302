"""The paper's tables (2 and 4) from class scores, as aligned text or Markdown, and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pad_ros
from pad_ros.common.files import write_text
from pad_ros.common.tables import format_table
from pad_ros.evaluation.evaluate import ClassScores

_COLUMNS: dict[str, Callable[[ClassScores], float | None]] = {
    "p-AUROC": lambda s: s.pixel_auroc,
    "AUPRO": lambda s: s.aupro,
    "i-AUROC": lambda s: s.image_auroc,
    "F1": lambda s: s.localization_f1,
    "localised %": lambda s: None if s.localized is None else 100.0 * s.localized,
    "i-time (s)": lambda s: s.timings.get("total", math.nan) / 1000.0,
}
_DIGITS = {"F1": 2, "localised %": 1, "i-time (s)": 2}  # else 3, as in the paper


def scores_table(scores: Sequence[ClassScores], markdown: bool = False) -> str:
    """The metrics, one class per line, and their mean when there are several classes.

    p-AUROC, AUPRO, i-AUROC and F1 (localisation) as in the paper's tables 2 and 4; localised: images within 1° and
    1 % of the distance; i-time: the median per image, all stages.
    """
    rows = [[s.name, *(_number(name, value(s)) for name, value in _COLUMNS.items())] for s in scores]
    if len(scores) > 1:
        rows.append(["mean", *(_number(name, _mean([value(s) for s in scores])) for name, value in _COLUMNS.items())])
    return format_table(["class", *_COLUMNS], rows, markdown)


def timings_table(scores: Sequence[ClassScores], markdown: bool = False) -> str:
    """The median milliseconds of each stage, one class per line."""
    stages = list(dict.fromkeys(stage for s in scores for stage in s.timings))
    rows = [[s.name, *(_ms(s.timings.get(stage)) for stage in stages)] for s in scores]
    return format_table(["median ms", *stages], rows, markdown)


def write_scores(folder: Path | str, scores: Sequence[ClassScores]) -> Path:
    """Writes all scores to `scores.json`, and the tables to `scores.md`; returns the former's path."""
    content = {"pad_ros": pad_ros.__version__, "classes": [s.to_dict() for s in scores]}
    path = Path(folder) / "scores.json"
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    tables = [scores_table(scores, markdown=True), timings_table(scores, markdown=True)]
    write_text(path.with_name("scores.md"), "\n\n".join(tables) + "\n")
    return path


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _number(column: str, value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.{_DIGITS.get(column, 3)}f}"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"
