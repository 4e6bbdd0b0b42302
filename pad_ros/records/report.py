"""A shift's report: one self-contained page, in the style of all reports."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from pad_ros.common.files import write_text
from pad_ros.evaluation.report import html_page, stage_bar, view_card
from pad_ros.evaluation.summary import format_ms
from pad_ros.records.charts import drift_chart, parts_chart
from pad_ros.records.found import found_section
from pad_ros.records.panels import section, table
from pad_ros.records.queries import Choice
from pad_ros.records.shift import Shift, read_shift
from pad_ros.records.store import Store
from pad_ros.records.twins import Twins, write_worst

_WORST = 12
_LOST = 20


def write_shift_report(store: Store, path: Path, choice: Choice, folders: Iterable[Path] = ()) -> Path:
    """Writes the page of a shift.

    Args:
        store: the records.
        path: of the page.
        choice: the shift's beginning and end.
        folders: of products, for their twins, before those that the records name.

    Returns:
        The page's path.

    Raises:
        WriteError: it cannot be written there.
    """
    with store.session() as session:
        shift = read_shift(session, store.station, choice)
    twins = Twins(shift, folders)
    with TemporaryDirectory(prefix="pad-shift-") as scratch:
        worst = shift.worst(_WORST, lambda view: bool(view.picture) and (store.folder / str(view.picture)).is_file())
        rows = write_worst(store.folder, worst, twins, Path(scratch))
        cards = "\n".join(view_card(Path(scratch), row) for row in rows)
    body = "\n".join(
        [
            _header(shift),
            section("Parts over the shift", parts_chart(shift.spans()) if shift.parts else ""),
            found_section(shift, twins),
            _drift(shift),
            section("Images without result", _unjudged(shift)),
            section("Times", _times(shift)),
            section("Commands and the PLC", _plc(shift)),
            f'<h2>The worst pictures</h2><div class="views">{cards}</div>' if cards else "",
        ]
    )
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    write_text(path, html_page(f"{shift.station}: shift report", body, style))
    return path


def _header(shift: Shift) -> str:
    since, until = shift.since.astimezone(), shift.until.astimezone()
    end = "%H:%M" if since.date() == until.date() else "%A %d %B, %H:%M"
    names = ", ".join(dict.fromkeys(view.product for view in shift.views)) or "no product"
    parts, unjudged = len(shift.parts), len(shift.unjudged)
    share = f"{100 * shift.passed / parts:.1f} %" if parts else "–"
    tiles = [
        ("", str(parts), "parts decided"),
        ("good", str(shift.passed), "passed"),
        ("bad" if shift.rejected else "", str(shift.rejected), "rejected"),
        ("good", share, "yield"),
        ("", str(len(shift.views)), "images"),
        ("none" if unjudged else "", str(unjudged), "without result"),
    ]
    total = shift.stage_ms().get("total")
    if total:
        tiles.append(("", format_ms(total[0]), "median per image"))
    cells = "".join(f'<div class="tile {k}"><b class="num">{v}</b><span>{n}</span></div>' for k, v, n in tiles)
    bars = "".join(
        f'<i class="{name}" style="flex:{count}"></i>'
        for name, count in (("rejected", shift.rejected), ("passed", shift.passed))
        if count
    )
    remarks = shift.remarks()
    notes = "".join(f"<li>{_with_code(remark)}</li>" for remark in remarks)
    said = f'<div class="attention"><ul>{notes}</ul></div>' if remarks else '<p class="fine">Nothing stands out.</p>'
    return f"""<header>
<h1>{escape(shift.station)}: shift report</h1>
<p class="line">{since:%A %d %B %Y, %H:%M} to {until:{end}} · {escape(names)}</p>
<div class="tiles">{cells}</div><div class="share">{bars}</div>
{said}
</header>"""


def _with_code(text: str) -> str:
    """Text with `commands` set as such."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))


def _drift(shift: Shift) -> str:
    pieces = []
    for drift in shift.drifts():
        views = [view for view in shift.views if view.product == drift.product]
        spans = Shift(shift.station, shift.since, shift.until, [], views, shift.products).spans()
        numbers = ""
        if drift.calibration:
            numbers = (
                f"{len(drift.scores)} good images; median {drift.ratio:.2f}× the calibration's "
                f"({len(drift.calibration)} images); {100 * drift.high:.1f} % above 95 % of them."
            )
        pieces.append(
            f'<section class="panel"><b>{escape(drift.product)}</b>{drift_chart(spans, drift.calibration)}'
            f'<p class="note">{numbers} In thresholds: dots are medians, lines 5 to 95 %; the band is the same of the '
            "calibration, the dashed line the threshold.</p></section>"
        )
    return f"<h2>Scores of good images</h2>{''.join(pieces)}" if pieces else ""


def _unjudged(shift: Shift) -> str:
    if not shift.unjudged:
        return ""
    rows = []
    for status, count in Counter(view.status for view in shift.unjudged).most_common():
        views = [view for view in shift.unjudged if view.status == status]
        reason, times = Counter(view.reason for view in views).most_common(1)[0]
        last = max(view.recorded for view in views).astimezone()
        share = f"{100 * count / len(shift.views):.1f} %"
        rows.append((status.replace("_", " "), str(count), share, f"{reason} (×{times})", f"{last:%H:%M:%S}"))
    return table(("status", "images", "share", "most often", "last"), rows, numbers=(1, 2))


def _times(shift: Shift) -> str:
    stages = shift.stage_ms()
    if not stages:
        return ""
    medians = {stage: times[0] for stage, times in stages.items() if stage != "total"}
    rows = [(stage, *(format_ms(ms) for ms in times)) for stage, times in stages.items()]
    return stage_bar(medians) + table(("stage", "median", "95 %", "longest"), rows, numbers=(1, 2, 3))


def _plc(shift: Shift) -> str:
    if not shift.parts:
        return ""
    gates = shift.gates()
    counts = table(
        ("commands", "taken", "lost", "without answer", "numbers missing", "longest until taken"),
        [
            (
                str(len(shift.parts)),
                *(str(gates[gate]) for gate in ("taken", "lost", "waiting")),
                str(shift.gaps()),
                f"{shift.longest_wait_s():.1f} s",
            )
        ],
        numbers=(0, 1, 2, 3, 4, 5),
    )
    lost = [part for part in shift.parts if part.gate == "lost" and part.answer is not None]
    if not lost:
        return counts
    rows = [
        (
            f"{part.decision.recorded.astimezone():%H:%M:%S}",
            part.decision.part_id,
            "reject" if part.decision.reject else "pass",
            part.answer.text if part.answer else "",
        )
        for part in lost[:_LOST]
    ]
    more = f'<p class="note">The first {_LOST} of {len(lost)}.</p>' if len(lost) > _LOST else ""
    return counts + table(("time", "part", "command", "why it was lost"), rows) + more
