"""The picture of a verdict: heat where the part differs, its regions by kind, and the verdict in words."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.common.drawing import Color, draw_text, shorten, text_width
from pad_ros.images import to_uint8
from pad_ros.results import Image, Inspection, Map, Mask, Region, RegionKind, Status

KIND_COLORS: dict[RegionKind, Color] = {
    RegionKind.MISSING: (255, 92, 170),
    RegionKind.ADDED: (45, 200, 255),
    RegionKind.MODIFIED: (255, 214, 64),
}
PASS_COLOR: Color = (24, 138, 82)
REJECT_COLOR: Color = (208, 32, 54)
UNJUDGED_COLOR: Color = (150, 98, 12)

_INK: Color = (16, 18, 24)
_PAPER: Color = (244, 245, 248)
_HEAT = np.array([[255, 224, 70], [255, 132, 0], [226, 16, 48]], np.float32)  # at 0.6, 1.2 and 1.8 thresholds
_HEAT_START, _HEAT_STEP = 0.6, 0.6
_HEAT_ALPHA = 0.55
_COLOUR_AT_THRESHOLD = 0.65  # of the scale from blue to red
_LABELS = 8  # more regions get a frame but no label


def draw_overlay(image: Image, inspection: Inspection) -> Image:
    """Draws an inspection over its image.

    Outside the part the image is dimmed; pixels near the threshold and above are heated yellow to red; each region
    has a frame and a label with its kind and its peak in thresholds; a banner says the verdict.

    Args:
        image: RGB uint8 [H, W, 3]; left as it is.
        inspection: what was found in it; its arrays may be None.

    Returns:
        RGB uint8 [H, W, 3].
    """
    scale = min(max(min(image.shape[:2]) / 400.0, 0.5), 4.0)
    canvas = image.astype(np.float32)
    if inspection.reference is not None and inspection.background is not None:
        _dim_outside(canvas, inspection.reference.mask | inspection.background.object_mask)
    if inspection.anomaly_map is not None and inspection.threshold > 0:
        _heat(canvas, inspection.anomaly_map / inspection.threshold)
    picture = to_uint8(canvas)
    if inspection.anomaly_map is not None:
        _outline(picture, inspection.anomaly_map > inspection.threshold, scale)
    for region in inspection.regions:
        _frame(picture, region, scale)
    banner = _banner_height(scale)
    taken: list[tuple[int, int, int, int]] = []
    for region in inspection.regions[:_LABELS]:
        _label(picture, region, inspection.threshold, scale, picture.shape[0] - banner, taken)
    _banner(picture, inspection, scale, banner)
    return picture  # type: ignore[return-value]


def draw_heatmap(anomaly_map: Map, threshold: float) -> Image:
    """The anomaly map [H, W] in colours, RGB [H, W, 3]: yellow is at the threshold, red at half more.

    The same colour means the same in every image of a product, unlike with a viewer's own scale.
    """
    level = np.clip(anomaly_map / (threshold or np.inf) * _COLOUR_AT_THRESHOLD, 0.0, 1.0)
    coloured = cv2.applyColorMap(to_uint8(255.0 * level), cv2.COLORMAP_TURBO)
    return cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def verdict_of(inspection: Inspection) -> tuple[str, Color]:
    """The verdict in one or two words, and its colour."""
    if inspection.status != Status.OK:
        return "NO RESULT", UNJUDGED_COLOR
    return ("ANOMALOUS", REJECT_COLOR) if inspection.anomalous else ("GOOD", PASS_COLOR)


def _dim_outside(canvas: NDArray[np.float32], mask: Mask) -> None:
    grey = canvas.mean(axis=2, keepdims=True)
    inside = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.2)[..., None]  # [H, W, 1]
    canvas[:] = inside * canvas + (1.0 - inside) * (0.36 * canvas + 0.30 * grey)


def _heat(canvas: NDArray[np.float32], ratio: Map) -> None:
    """Blends the heat of `ratio` [H, W], the map in thresholds, over the canvas."""
    position = np.clip((ratio - _HEAT_START) / _HEAT_STEP, 0.0, 2.0)[..., None]  # [H, W, 1]
    low = np.clip(position, 0.0, 1.0)
    color = _HEAT[0] + low * (_HEAT[1] - _HEAT[0]) + np.clip(position - 1.0, 0.0, 1.0) * (_HEAT[2] - _HEAT[1])
    canvas += _HEAT_ALPHA * low * (color - canvas)


def _outline(picture: Image, above: Mask, scale: float) -> None:
    contours, _ = cv2.findContours(above.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, contours, -1, _PAPER, max(1, round(scale)), cv2.LINE_AA)


def _frame(picture: Image, region: Region, scale: float) -> None:
    """Draws the corners of a frame around a region's box, light on dark, so that they show on any image."""
    x0, y0, x1, y1 = _frame_box(picture, region, scale)
    arm = max(round(5 * scale), min(x1 - x0, y1 - y0) // 4)
    for color, width in ((_INK, round(4 * scale)), (KIND_COLORS[region.kind], max(1, round(2 * scale)))):
        for x, step_x in ((x0, arm), (x1, -arm)):
            for y, step_y in ((y0, arm), (y1, -arm)):
                corner = np.array([[x + step_x, y], [x, y], [x, y + step_y]], np.int32)
                cv2.polylines(picture, [corner], False, color, width, cv2.LINE_AA)


def _frame_box(picture: Image, region: Region, scale: float) -> tuple[int, int, int, int]:
    x, y, width, height = region.box
    margin = round(5 * scale)
    rows, columns = picture.shape[:2]
    return (
        max(x - margin, 1),
        max(y - margin, 1),
        min(x + width + margin, columns - 2),
        min(y + height + margin, rows - 2),
    )


def _label(
    picture: Image, region: Region, threshold: float, scale: float, bottom: int, taken: list[tuple[int, int, int, int]]
) -> None:
    """Puts a region's label where it covers no other label: above its frame, below it, or further up."""
    text = region.kind.name.lower()
    if threshold > 0 and np.isfinite(region.peak):
        text += f" {region.peak / threshold:.1f}×"
    size = max(9, round(12 * scale))
    width, height = text_width(text, size, bold=True) + round(9 * scale), size + round(5 * scale)
    x0, y0, _, y1 = _frame_box(picture, region, scale)
    gap = round(3 * scale)
    x = min(max(x0 - gap, 0), max(picture.shape[1] - width, 0))
    heights = [
        y0 - gap - height,
        y1 + gap,
        *range(y0 - gap - 2 * height, 0, -height),
        *range(y1 + height, bottom, height),
    ]
    free = (
        y for y in heights if 0 <= y <= bottom - height and not any(_overlap((x, y, width, height), t) for t in taken)
    )
    y = next(free, None)
    if y is None:
        return
    taken.append((x, y, width, height))
    _pill(picture, (x, y, width, height), KIND_COLORS[region.kind])
    draw_text(picture, text, (x + round(4.5 * scale), y), height, size, _INK, bold=True)


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _banner_height(scale: float) -> int:
    return round(30 * scale)


def _banner(picture: Image, inspection: Inspection, scale: float, height: int) -> None:
    rows, columns = picture.shape[:2]
    strip = picture[rows - height :]
    strip[:] = np.rint(0.2 * strip + 0.8 * np.array(_INK)).astype(np.uint8)
    size, margin = max(9, round(13 * scale)), round(6 * scale)
    verdict, color = verdict_of(inspection)
    width = text_width(verdict, size, bold=True) + 3 * margin
    top = rows - height + margin // 2 + 1
    pill = (margin, top, width, height - margin - 1)
    _pill(picture, pill, color)
    draw_text(picture, verdict, (margin + round(1.5 * margin), top), pill[3], size, _PAPER, bold=True)
    if inspection.status == Status.OK:
        text = f"score {inspection.score:.3g}  ·  threshold {inspection.threshold:.3g}"
    else:
        text = inspection.reason or inspection.status.name
    small, left = max(9, round(12 * scale)), pill[0] + width + 2 * margin
    text = shorten(text, small, columns - left - margin)
    draw_text(picture, text, (left, top), pill[3], small, _PAPER)


def _pill(picture: Image, box: tuple[int, int, int, int], color: Color) -> None:
    x, y, width, height = box
    radius = max(1, height // 5)
    for inset_x, inset_y in ((radius, 0), (0, radius)):
        top_left, bottom_right = (x + inset_x, y + inset_y), (x + width - 1 - inset_x, y + height - 1 - inset_y)
        cv2.rectangle(picture, top_left, bottom_right, color, -1)
    for corner_x in (x + radius, x + width - 1 - radius):
        for corner_y in (y + radius, y + height - 1 - radius):
            cv2.circle(picture, (corner_x, corner_y), radius, color, -1, cv2.LINE_AA)
