"""Small charts as SVG; their colours are the page's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pad_ros.records.shift import Span, percentiles

_WIDTH, _HEIGHT = 900, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 12, 26


def _frame(body: str, label: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}" '
        f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


def _places(count: int) -> list[tuple[float, float]]:
    """Left edge and width of each of so many columns."""
    step = (_WIDTH - _LEFT - _RIGHT) / max(count, 1)
    return [(_LEFT + index * step, step) for index in range(count)]


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - min(value, top) / top * (_HEIGHT - _TOP - _BOTTOM)


def _rule(value: float, top: float, text: str, kind: str = "rule") -> str:
    y = _y(value, top)
    return (
        f'<line class="{kind}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _box(kind: str, x: float, y: float, width: float, height: float, title: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="{kind}" {place}>{title}</rect>'


def _times(spans: Sequence[Span]) -> str:
    every = max(1, round(len(spans) / 9))
    texts = []
    for index, ((x, _), span) in enumerate(zip(_places(len(spans)), spans, strict=True)):
        if index % every == 0:
            texts.append(f'<text class="tick" x="{x:.1f}" y="{_HEIGHT - 8}">{_clock(span.begin)}</text>')
    return "".join(texts)


def _clock(moment: datetime) -> str:
    return moment.astimezone().strftime("%H:%M")


def parts_chart(spans: Sequence[Span]) -> str:
    """What passed and what did not, over the shift."""
    top = max([span.passed + span.rejected for span in spans] or [1]) or 1
    body = _rule(0, top, "0") + _rule(top, top, str(top))
    for (x, width), span in zip(_places(len(spans)), spans, strict=True):
        title = f"<title>{_clock(span.begin)}: {span.passed} passed, {span.rejected} rejected</title>"
        inner, base = 0.82 * width, _y(0, top)
        bars = ((span.passed, "passed", 0), (span.rejected, "rejected", span.passed))
        for count, kind, below in bars:
            if count:
                high = base - _y(count, top)
                y = base - (base - _y(below, top)) - high
                body += _box(kind, x, y, inner, high, title)
    return _frame(body + _times(spans), "parts passed and rejected over the shift")


def drift_chart(spans: Sequence[Span], calibration: Sequence[float]) -> str:
    """Scores of good images over the shift, in thresholds: median and 5 to 95 %, over the calibration's band."""
    top = 1.15
    body = ""
    if calibration:
        low, middle, high = percentiles(calibration, 5, 50, 95)
        y, bottom = _y(high, top), _y(low, top)
        body += (
            f'<rect class="band" x="{_LEFT}" y="{y:.1f}" width="{_WIDTH - _LEFT - _RIGHT}" height="{bottom - y:.1f}"/>'
        )
        body += _rule(middle, top, "", "middle")
    body += _rule(0, top, "0") + _rule(0.5, top, "0.5") + _rule(1.0, top, "1", "threshold")
    line = []
    for (x, width), span in zip(_places(len(spans)), spans, strict=True):
        if not span.scores:
            continue
        low, middle, high = percentiles(span.scores, 5, 50, 95)
        centre = x + 0.41 * width
        title = f"<title>{_clock(span.begin)}: {len(span.scores)} good images, median {middle:.2f}</title>"
        body += _box("whisker", centre - 1, _y(high, top), 2, _y(low, top) - _y(high, top))
        body += f'<circle class="dot" cx="{centre:.1f}" cy="{_y(middle, top):.1f}" r="4">{title}</circle>'
        line.append(f"{centre:.1f},{_y(middle, top):.1f}")
    body += f'<polyline class="line" points="{" ".join(line)}"/>'
    return _frame(body + _times(spans), "scores of good images over the shift")
