"""Pictures side by side under headings, and marks in them, for figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from pad_ros.common.drawing import Color, draw_text, shorten
from pad_ros.images import to_uint8
from pad_ros.results import Image, Map, Mask

_TILE = 320  # pixels
_GAP, _HEADING, _TEXT = 4, 24, 14
_INK, _PAPER = (16, 18, 24), 255
_BOLD = 0.9  # how wide a text is as a share of itself in bold
_BOX_MARGIN = 6  # pixels around what a box is about
_SMALLEST_BOX = 3  # pixels; smaller regions of a mask are drawn but not boxed

Labelled = tuple[str, Color]


def grid(
    rows: Sequence[Sequence[Image]], columns: Sequence[str], names: Sequence[str], key: Iterable[Labelled] = ()
) -> Image:
    """Puts pictures [h, w, 3] of any size in rows, with headings, the rows' names, and a key of the colours."""
    key = list(key)
    left = _HEADING if any(names) else 0
    height = _HEADING + len(rows) * (_TILE + _GAP) + (_HEADING if key else 0)
    sheet = np.full((height, left + len(columns) * (_TILE + _GAP), 3), _PAPER, np.uint8)
    for x, heading in enumerate(columns):
        text = shorten(heading, _TEXT, round(_BOLD * _TILE))
        draw_text(sheet, text, (left + x * (_TILE + _GAP) + 2, 0), _HEADING, _TEXT, _INK, bold=True)
    for y, (name, row) in enumerate(zip(names, rows, strict=True)):
        top = _HEADING + y * (_TILE + _GAP)
        if left:
            sheet[top : top + _TILE, :left] = _upright(name)
        for x, picture in enumerate(row):
            start = left + x * (_TILE + _GAP)
            sheet[top : top + _TILE, start : start + _TILE] = _tile(picture)
    x = left + 2
    for text, color in key:
        cv2.rectangle(sheet, (x, height - 17), (x + 10, height - 7), color, -1)
        draw_text(sheet, text, (x + 16, height - _HEADING), _HEADING, _TEXT, _INK)
        x += 16 + 9 * len(text) + 16
    return sheet


def boxed(picture: Image, mask: Mask, color: Color) -> Image:
    """The picture [H, W, 3] with one box around all of a mask [H, W]; as it is when the mask is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    picture = picture.copy()
    if rows.size:
        margin, width = _scaled(_BOX_MARGIN, mask), _scaled(2, mask)
        corners = (int(columns[0]) - margin, int(rows[0]) - margin), (int(columns[-1]) + margin, int(rows[-1]) + margin)
        cv2.rectangle(picture, *corners, color, width, cv2.LINE_AA)
    return picture


def boxed_regions(picture: Image, mask: Mask, color: Color) -> Image:
    """The picture [H, W, 3] with a box around each 8-connected region of a mask [H, W]."""
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for label in range(1, count):
        if statistics[label, cv2.CC_STAT_AREA] >= _SMALLEST_BOX:
            picture = boxed(picture, labels == label, color)
    return picture


def painted(picture: Image, mask: Mask, color: Color, alpha: float = 0.75) -> Image:
    """The picture [H, W, 3] with a mask's [H, W] pixels in a colour."""
    result = picture.astype(np.float32)
    result[mask] += alpha * (np.array(color, np.float32) - result[mask])
    return to_uint8(result)


def heated(picture: Image, anomaly_map: Map) -> Image:
    """The picture [H, W, 3] darkened, under the colours of a map [H, W]: from what most of it has to its hottest."""
    usual = float(np.median(anomaly_map[anomaly_map > 0])) if anomaly_map.any() else 0.0
    top = max(float(anomaly_map.max()) - usual, 1e-9)
    level = to_uint8(255.0 * np.clip((anomaly_map - usual) / top, 0.0, 1.0))
    heat = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    share = (level[..., None] / 255.0) ** 0.5  # [H, W, 1]
    return to_uint8(0.5 * (1.0 - share) * picture + share * heat)


def mask_picture(mask: Mask) -> Image:
    """A mask [H, W] in black and white, [H, W, 3]."""
    return np.repeat(np.where(mask, 255, 0).astype(np.uint8)[..., None], 3, axis=2)


def _scaled(pixels: int, mask: Mask) -> int:
    return max(1, round(pixels * max(mask.shape) / _TILE))


def _tile(picture: Image) -> Image:
    """The picture in the middle of a square tile, as large as fits."""
    factor = _TILE / max(picture.shape[:2])
    width, height = (min(_TILE, max(1, round(side * factor))) for side in picture.shape[1::-1])
    tile = np.full((_TILE, _TILE, 3), _PAPER, np.uint8)
    x, y = (_TILE - width) // 2, (_TILE - height) // 2
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    tile[y : y + height, x : x + width] = cv2.resize(picture, (width, height), interpolation=how)
    return tile


def _upright(text: str) -> Image:
    """A row's name, to be read from below, [tile, heading, 3]."""
    strip = np.full((_HEADING, _TILE, 3), _PAPER, np.uint8)
    draw_text(strip, shorten(text, _TEXT, round(_BOLD * _TILE)), (4, 0), _HEADING, _TEXT, _INK, bold=True)
    return np.rot90(strip)
