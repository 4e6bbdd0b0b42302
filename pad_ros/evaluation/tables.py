"""The paper's tables from class scores, mean ± standard deviation over runs, as text or Markdown, and as JSON."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import pad_ros
from pad_ros.common.files import write_text
from pad_ros.common.tables import format_table
from pad_ros.dataset.classes import ClassData
from pad_ros.errors import SynthesisError
from pad_ros.evaluation.evaluate import ClassScores, PartScores
from pad_ros.evaluation.methods import METHODS
from pad_ros.synthesis.table import data_set_table as synthesis_table

_COLUMNS: dict[str, Callable[[ClassScores], float | None]] = {
    "p-AUROC": lambda s: s.pixel_auroc,
    "AUPRO": lambda s: s.aupro,
    "i-AUROC": lambda s: s.image_auroc,
    "F1": lambda s: s.localization_f1,
    "localised %": lambda s: None if s.localized is None else 100.0 * s.localized,
    "i-time (s)": lambda s: s.timings.get("total", math.nan) / 1000.0,
    "PnP only (s)": lambda s: s.baseline_ms / 1000.0,
}
_PARTS: dict[str, Callable[[PartScores], float | None]] = {
    "parts": lambda p: float(p.parts),
    "defective": lambda p: float(p.defective),
    "o-AUROC": lambda p: p.auroc,
    "o-F1": lambda p: p.f1,
    "false rejects %": lambda p: None if p.false_reject_rate is None else 100.0 * p.false_reject_rate,
    "misses %": lambda p: None if p.miss_rate is None else 100.0 * p.miss_rate,
}
_DIGITS = {"F1": 2, "localised %": 1, "i-time (s)": 2, "PnP only (s)": 2}  # else 3, as in the paper
_DIGITS |= {"parts": 0, "defective": 0, "o-F1": 2, "false rejects %": 1, "misses %": 1}
_QUALITY = ("p-AUROC", "AUPRO", "i-AUROC")
_TIMES = ("i-time (s)", "PnP only (s)")

# The paper's tables 2 to 7: number, subject, methods, columns; and the same of ours.
_TABLES: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("Table 2", "the paper's method", ("paper",), (*_QUALITY, *_TIMES)),
    ("Table 3", "SplatPose+, background-free", ("splatpose-plus",), (*_QUALITY, *_TIMES)),
    ("Table 4", "F1 of each method", ("paper", "splatpose-plus", "pad"), ("F1",)),
    ("Table 5", "F1 without BiRefNet and LaMa", ("paper-no-background",), ("F1",)),
    ("Table 6", "without BiRefNet and LaMa", ("paper-no-background",), (*_QUALITY, *_TIMES)),
    ("Table 7", "the paper's method, background-free", ("paper-background-free",), (*_QUALITY, "F1")),
    ("Ours", "as in table 2", ("pad",), tuple(_COLUMNS)),
    ("Ours", "background-free, as in table 7", ("pad-background-free",), (*_QUALITY, "F1")),
)


def data_set_table(classes: Sequence[ClassData], markdown: bool = False) -> str:
    """The paper's table 1: per class what `pad synth` noted of it or, for other data sets, what its labels say."""
    with suppress(SynthesisError):
        roots = {data.root.parent for data in classes}
        if len(roots) == 1:
            return synthesis_table(roots.pop(), markdown, [data.root.name for data in classes])
    rows = []
    for data in classes:
        anomalous = sum(view.anomalous for view in data.test)
        share = f"{100 * anomalous / len(data.test):.0f}"
        rows.append([data.name, str(len(data.train)), str(len(data.test)), share])
    return format_table(["class", "training views", "test images", "anomalous %"], rows, markdown)


def scores_table(scores: Sequence[ClassScores], markdown: bool = False, columns: Iterable[str] = _COLUMNS) -> str:
    """The metrics of one method, one class per line, and their mean when there are several classes.

    Where a class has several runs, mean ± sample standard deviation over them. p-AUROC, AUPRO, i-AUROC and F1
    (localisation) as in the paper's tables; localised: images within 1° and 1 % of the distance; i-time: the median per
    image, all stages; PnP only: the same without features, retrieval and matching, as SplatPose+ counts.
    """
    columns = list(columns)
    by_class = _grouped(scores, lambda s: s.name)
    rows = [[name, *(_cell(column, _values(column, own)) for column in columns)] for name, own in by_class]
    if len(by_class) > 1:
        rows.append(["mean", *(_cell(column, _run_means(column, scores)) for column in columns)])
    return format_table(["class", *columns], rows, markdown)


def methods_table(scores: Sequence[ClassScores], markdown: bool = False) -> str:
    """The mean over the classes of every metric, one method per line."""
    rows = [
        [name, *(_cell(column, _run_means(column, own)) for column in _COLUMNS)]
        for name, own in _grouped(scores, lambda s: s.method)
    ]
    return format_table(["method", *_COLUMNS], rows, markdown)


def parts_table(scores: Sequence[ClassScores], markdown: bool = False) -> str:
    """The verdicts on whole parts of one method, one class per line, and their mean when there are several classes.

    o-AUROC ranks the parts (objects) as the policy in use does; o-F1, false rejects and misses are of its verdicts.
    """
    known = [(s.name, s.parts) for s in scores if s.parts is not None]
    by_class: dict[str, list[PartScores]] = {}
    for name, parts in known:
        by_class.setdefault(name, []).append(parts)
    rows = [
        [name, *(_cell(c, [value(p) for p in own]) for c, value in _PARTS.items())] for name, own in by_class.items()
    ]
    if len(rows) > 1:
        rows.append(["mean", *(_cell(c, [_mean([value(p) for _, p in known])]) for c, value in _PARTS.items())])
    return format_table(["class", *_PARTS], rows, markdown)


def timings_table(scores: Sequence[ClassScores], markdown: bool = False) -> str:
    """The milliseconds of each stage of one method, one class per line: the median over images, the mean over runs."""
    stages = list(dict.fromkeys(stage for s in scores for stage in s.timings))
    rows = [
        [name, *(_ms(_mean([s.timings.get(stage) for s in own])) for stage in stages)]
        for name, own in _grouped(scores, lambda s: s.name)
    ]
    return format_table(["median ms", *stages], rows, markdown)


def paper_tables(scores: Sequence[ClassScores], data_set: str = "", markdown: bool = False) -> list[tuple[str, str]]:
    """Title and text of each table that the scores suffice for.

    Args:
        scores: of any methods, classes and runs.
        data_set: the paper's table 1, which is not about scores.
        markdown: the tables' form; `data_set` has it already.
    """
    tables = [("Table 1: the data set", data_set)] if data_set else []
    for number, subject, methods, columns in _TABLES:
        chosen = [s for s in scores if s.method in methods]
        several = len(methods) > 1
        if not chosen or (several and {s.method for s in chosen} == {"pad"}):  # whose own table has it
            continue
        text = _across(chosen, methods, columns[0], markdown) if several else scores_table(chosen, markdown, columns)
        tables.append((f"{number}: {subject}", text))
    if len({s.method for s in scores}) > 1:
        tables.append(("Methods side by side: means over the classes", methods_table(scores, markdown)))
    for method, own in _grouped([s for s in scores if s.parts], lambda s: s.method):
        tables.append((f"Whole parts: {METHODS[method].title}", parts_table(own, markdown)))
    for method, own in _grouped(scores, lambda s: s.method):
        tables.append((f"Time per stage: {METHODS[method].title}", timings_table(own, markdown)))
    return tables


def write_scores(folder: Path | str, scores: Sequence[ClassScores], data_set: str = "") -> Path:
    """Writes all scores to `scores.json`, and the tables to `scores.md`; returns the former's path.

    `data_set` is table 1 in Markdown.
    """
    content = {"pad_ros": pad_ros.__version__, "classes": [s.to_dict() for s in scores]}
    path = Path(folder) / "scores.json"
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    text = "\n\n".join(f"## {title}\n\n{table}" for title, table in paper_tables(scores, data_set, markdown=True))
    write_text(path.with_name("scores.md"), text + "\n")
    return path


def _across(scores: Sequence[ClassScores], methods: Sequence[str], column: str, markdown: bool) -> str:
    """One metric, a column per method."""
    present = [method for method in methods if any(s.method == method for s in scores)]
    rows = [
        [name, *(_cell(column, _values(column, [s for s in own if s.method == method])) for method in present)]
        for name, own in _grouped(scores, lambda s: s.name)
    ]
    if len(rows) > 1:
        means = [_run_means(column, [s for s in scores if s.method == method]) for method in present]
        rows.append(["mean", *(_cell(column, own) for own in means)])
    return format_table(["class", *present], rows, markdown)


def _grouped(scores: Iterable[ClassScores], key: Callable[[ClassScores], str]) -> list[tuple[str, list[ClassScores]]]:
    groups: dict[str, list[ClassScores]] = {}
    for own in scores:
        groups.setdefault(key(own), []).append(own)
    return list(groups.items())


def _values(column: str, scores: Iterable[ClassScores]) -> list[float | None]:
    return [_COLUMNS[column](s) for s in scores]


def _run_means(column: str, scores: Sequence[ClassScores]) -> list[float | None]:
    """Of each run, the mean over its classes."""
    return [_mean(_values(column, own)) for _, own in _grouped(scores, lambda s: str(s.run))]


def _mean(values: Sequence[float | None]) -> float | None:
    known = _known(values)
    return statistics.fmean(known) if known else None


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None and not math.isnan(value)]


def _cell(column: str, values: Sequence[float | None]) -> str:
    known = _known(values)
    if not known:
        return "–"
    digits = _DIGITS.get(column, 3)
    spread = f" ± {statistics.stdev(known):.{digits}f}" if len(known) > 1 else ""
    return f"{statistics.fmean(known):.{digits}f}{spread}"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"
