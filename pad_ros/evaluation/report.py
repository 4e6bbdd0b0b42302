"""A results folder as one self-contained page: `report.html` opens anywhere, offline."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from html import escape
from pathlib import Path

from pad_ros.anomaly.calibration import Calibration
from pad_ros.common.files import write_text
from pad_ros.conveyor.policy import RejectPolicy
from pad_ros.dataset.classes import GOOD
from pad_ros.errors import ImageError
from pad_ros.evaluation.drift import drift_of
from pad_ros.evaluation.results_writer import encode_jpeg, read_results
from pad_ros.evaluation.summary import PartResult, Row, Summary, format_ms, summarize
from pad_ros.images import read_image
from pad_ros.results import Status

_LONGEST = 640  # pixels of an embedded picture: a page of a hundred images stays under some 20 MB
_OPEN_PARTS = 6  # with more parts, those that passed start folded
_FILTERS = {"all": "All parts", "rejected": "Rejected", "passed": "Passed", "unjudged": "Images without result"}
_PICTURES = {"overlay": "verdict", "view": "image", "reference": "twin"}


def write_report(
    folder: Path | str,
    title: str = "Inspection",
    policy: RejectPolicy | None = None,
    calibration: Calibration | None = None,
) -> Path:
    """Writes `report.html` from a folder's `results.jsonl` and pictures.

    Args:
        folder: what `ResultWriter` wrote.
        title: of the page: the product's or the class's name.
        policy: when a part is rejected; by default when any view is anomalous.
        calibration: of the product: says how far its threshold holds, and whether the scores drift from it.

    Returns:
        The page's path.

    Raises:
        EvaluationError: no results there, or broken ones.
    """
    folder = Path(folder)
    summary = summarize(read_results(folder), policy)
    path = folder / "report.html"
    write_text(path, _page(folder, title, summary, calibration))
    return path


def html_page(title: str, body: str, more_style: str = "") -> str:
    """A self-contained page in the style of all reports; `body` is HTML."""
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{style}{more_style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _page(folder: Path, title: str, summary: Summary, calibration: Calibration | None) -> str:
    fold = len(summary.parts) > _OPEN_PARTS
    radios = "".join(
        f'<input class="hidden" type="radio" name="filter" id="f-{key}"{" checked" * (key == "all")}>'
        for key in _FILTERS
    )
    labels = "".join(f'<label for="f-{key}">{text}</label>' for key, text in _FILTERS.items())
    parts = "\n".join(_part(folder, part, opened=part.verdict.reject or not fold) for part in summary.parts)
    body = f"""<header>
<h1>{escape(title)}: inspection report</h1>
<p class="line">{escape(summary.line())}</p>
{_tiles(summary)}
{_promise(summary, calibration) if calibration else ""}
</header>
{radios}
<nav class="filters">{labels}</nav>
<main>
{parts or '<p class="line">No images.</p>'}
</main>
{_footer(summary)}"""
    return html_page(f"{title}: inspection report", body)


def _tiles(summary: Summary) -> str:
    parts, rejected = len(summary.parts), summary.rejected
    tiles = [
        ("", str(parts), "parts"),
        ("bad" if rejected else "", str(rejected), "rejected"),
        ("good", str(parts - rejected), "passed"),
        ("", str(len(summary.rows)), "images"),
        ("none" if summary.unjudged else "", str(summary.unjudged), "images without result"),
    ]
    if not math.isnan(summary.median_ms):
        tiles.append(("", format_ms(summary.median_ms), "median per image"))
    labelled = [part for part in summary.parts if _labels(part)]
    if labelled:
        right = sum(not _contradicts(part) for part in labelled)
        tiles.append(("", f"{right}/{len(labelled)}", "parts as labelled"))
    cells = "".join(
        f'<div class="tile {kind}"><b class="num">{value}</b><span>{name}</span></div>' for kind, value, name in tiles
    )
    share = "".join(
        f'<i class="{name}" style="flex:{count}"></i>'
        for name, count in (("rejected", rejected), ("passed", parts - rejected))
        if count
    )
    return f'<div class="tiles">{cells}</div><div class="share">{share}</div>'


def _promise(summary: Summary, calibration: Calibration) -> str:
    """What the threshold promises, and whether the scores are still like those that it comes from."""
    passed = [row for part in summary.parts if not part.verdict.reject for row in part.rows]
    drift = drift_of(calibration, [row["score"] for row in passed if row.get("score") is not None])
    lines = [f'<p class="line">Threshold {calibration.threshold:.3g}: {escape(calibration.confidence())}.</p>']
    if drift is not None:
        lines.append(f'<p class="line{" drift" * drift.drifted}">{escape(drift.line())}</p>')
    return "\n".join(lines)


def _labels(part: PartResult) -> list[str]:
    """What the data set says of a part: its views' labels without repetition; empty when it says nothing."""
    return list(dict.fromkeys(str(row["label"]) for row in part.rows if row.get("label")))


def _contradicts(part: PartResult) -> bool:
    return any(label != GOOD for label in _labels(part)) != part.verdict.reject


def _part(folder: Path, part: PartResult, opened: bool) -> str:
    verdict = part.verdict
    unjudged = any(row["status"] != Status.OK.name for row in part.rows)
    kind = "rejected" if verdict.reject else "passed"
    pill = '<span class="pill bad">REJECT</span>' if verdict.reject else '<span class="pill good">PASS</span>'
    chips = "".join(
        f'<span class="chip{" wrong" * _contradicts(part)}">labelled {escape(label)}</span>' for label in _labels(part)
    )
    missing = max(int(row.get("view_count", 0)) for row in part.rows) - len(part.rows)
    dots = "".join(f'<i class="{_state(row)}"></i>' for row in part.rows) + '<i class="absent"></i>' * max(0, missing)
    views = "\n".join(view_card(folder, row) for row in part.rows)
    return f"""<details class="part {kind}{" has-unjudged" * unjudged}"{" open" * opened}>
<summary>{pill}<span class="id">{escape(part.part_id)}</span><span class="dots" aria-hidden="true">{dots}</span>
<span class="reason">{escape(verdict.reason)}</span>{chips}</summary>
<div class="views">
{views}
</div>
</details>"""


def _state(row: Row) -> str:
    if row["status"] != Status.OK.name:
        return "unjudged"
    return "anomalous" if row["anomalous"] else "good"


def view_card(folder: Path, row: Row) -> str:
    """What a line of `results.jsonl` says, as a piece of a page; its pictures are in the folder."""
    state = _state(row)
    pill = {"unjudged": "none", "anomalous": "bad", "good": "good"}[state]
    word = str(row["status"]).replace("_", " ") if state == "unjudged" else state
    pictures = ""
    if any(row.get(kind) for kind in _PICTURES):
        figures = "".join(_picture(folder, row, kind, caption) for kind, caption in _PICTURES.items())
        zoom = '<input class="zoom hidden" type="checkbox" aria-label="enlarge">'
        pictures = f'<label>{zoom}<div class="pics">{figures}</div></label>\n'
    why = f'<p class="why">{escape(str(row.get("reason") or row["status"]))}</p>' if state == "unjudged" else ""
    return f"""<article class="view {state}">
{pictures}<div class="facts"><b>view {int(row.get("view_index", 0))}</b><span class="pill {pill}">{escape(word)}</span>
<span class="file">{escape(str(row["image"]))}</span></div>
{why}{_score(row)}{_regions(row)}{_stages(row.get("timings") or {})}
</article>"""


def _picture(folder: Path, row: Row, kind: str, caption: str) -> str:
    data = _data_uri(folder, row.get(kind))
    name = escape(f"{caption} of {row['image']}", quote=True)
    inner = f'<img src="{data}" alt="{name}" loading="lazy">' if data else '<div class="empty">no picture</div>'
    return f"<figure>{inner}<figcaption>{caption}</figcaption></figure>"


def _data_uri(folder: Path, relative: object) -> str | None:
    """A picture of the results folder as a data URI; None where it is missing, unreadable or outside the folder."""
    if not relative:
        return None
    path = (folder / str(relative)).resolve()
    if not path.is_relative_to(folder.resolve()):
        return None
    try:
        data = encode_jpeg(read_image(path), _LONGEST)
    except ImageError:
        return None
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def _score(row: Row) -> str:
    score, threshold = row.get("score"), row.get("threshold")
    if score is None or threshold is None:
        return ""
    ratio = score / threshold if threshold > 0 else 2.0 * (score > threshold)
    width = 100.0 * min(max(ratio / 2.0, 0.0), 1.0)  # the threshold is in the middle
    return (
        f'<div class="score"><div class="meter"><i style="width:{width:.1f}%"></i><u></u></div>'
        f'<span class="num">score {score:.3g} · threshold {threshold:.3g}</span></div>'
    )


def _regions(row: Row) -> str:
    threshold = row.get("threshold") or 0.0
    items = []
    for region in row.get("regions") or []:
        kind, (x, y, width, height) = str(region["kind"]), (int(v) for v in region["box"])
        peak = f"{region['peak'] / threshold:.1f}×" if threshold > 0 else f"{region['peak']:.3g}"
        items.append(
            f'<li class="{escape(kind, quote=True)}" title="box x {x}, y {y}, {width} by {height} pixels">'
            f"<b>{escape(kind)}</b> {peak} threshold · {int(region['area'])} px at {x}, {y}</li>"
        )
    return f'<ul class="regions num">{"".join(items)}</ul>' if items else ""


def stage_bar(stages: Mapping[str, float]) -> str:
    """Stages' milliseconds side by side."""
    bars = "".join(
        f'<i class="s{index % 5}" style="flex:{max(ms, 0.0):.3f}" title="{escape(stage, quote=True)} {ms:.0f} ms"></i>'
        for index, (stage, ms) in enumerate(stages.items())
    )
    return f'<div class="stack">{bars}</div>'


def _stages(timings: Mapping[str, float]) -> str:
    stages = {stage: float(ms) for stage, ms in timings.items() if stage != "total"}
    if not stages:
        return ""
    total = float(timings.get("total", sum(stages.values())))
    return f'<div class="stages">{stage_bar(stages)}<span class="num">{format_ms(total)}</span></div>'


def _footer(summary: Summary) -> str:
    stages = {stage: ms for stage, ms in summary.stage_ms().items() if stage != "total"}
    if not stages:
        return ""
    legend = "".join(
        f'<li><i class="s{index % 5}"></i>{escape(stage)} <span class="num">{ms:.0f} ms</span></li>'
        for index, (stage, ms) in enumerate(stages.items())
    )
    return f"""<h2>Median time per stage</h2>
<section class="panel">{stage_bar(stages)}<ul class="legend">{legend}</ul>
<p class="note">Scores are compared with the product's threshold, the mark in the middle of each bar.
Missing: only the twin has it. Added: only the image has it. Modified: both have it, and it looks different.
Select a view's pictures to enlarge them.</p></section>"""
