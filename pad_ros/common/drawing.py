"""Text in pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # [H, W, 3] RGB
Color = tuple[int, int, int]  # RGB

_FONT = cv2.FontFace("sans") if hasattr(cv2, "FontFace") else None  # OpenCV 5; before, only stroke fonts
_WEIGHTS = {False: 450, True: 700}


def text_width(text: str, size: int, bold: bool = False) -> int:
    """How many pixels wide a text is."""
    if _FONT is None:
        return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size / 26.0, 1 + bold)[0][0]
    return int(cv2.getTextSize((4096, 4096), text, (0, 0), _FONT, size, _WEIGHTS[bold])[2])


def draw_text(
    picture: Image, text: str, corner: tuple[int, int], height: int, size: int, color: Color, bold: bool = False
) -> None:
    """Writes text from `corner` (left, top), centred in `height`."""
    base = (corner[0], corner[1] + round((height + 0.72 * size) / 2))
    if _FONT is None:
        cv2.putText(picture, text, base, cv2.FONT_HERSHEY_SIMPLEX, size / 26.0, color, 1 + bold, cv2.LINE_AA)
    else:
        cv2.putText(picture, text, base, color, _FONT, size, _WEIGHTS[bold])


def shorten(text: str, size: int, width: int) -> str:
    """The text, or as much of its start as `width` pixels take, with an ellipsis."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"
