"""What became of a capture as one self-contained page."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from pad_ros.capture.coverage import Coverage
from pad_ros.capture.drawings import draw_cameras, draw_hemisphere
from pad_ros.capture.ground import Placed
from pad_ros.capture.photos import Dropped
from pad_ros.common.files import write_text
from pad_ros.results import Image, Map

REPORT = "capture.html"
_TILE = 260  # pixels of a cut-out's longer side
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1180px;padding:24px;color:#1d2736;background:#f6f8fb}
h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:28px 0 8px}
.tiles,.pair,.cuts{display:flex;flex-wrap:wrap;gap:12px}
.tile,.panel{background:#fff;border:1px solid #d8e0ec;border-radius:8px;padding:10px 14px}
.tile b{display:block;font-size:21px}.tile span{color:#5b6a82;font-size:13px}
.pair .panel{flex:1 1 380px}.pair svg{width:100%;max-height:480px}
.cam{fill:rgba(38,98,217,.12);stroke:#2662d9;stroke-width:1}
.none{fill:#f3b8b4;stroke:#fff}.few{fill:#f9e3a4;stroke:#fff}.enough{fill:#c5e6cc;stroke:#fff}.dot{fill:#2662d9}
svg text{font-size:13px;fill:#5b6a82}
figure{margin:0;background:#fff;border:1px solid #d8e0ec;border-radius:8px;padding:6px}
figcaption{font-size:12px;color:#5b6a82;max-width:240px}li{margin:2px 0}.warn{color:#9a4a00}
"""


@dataclass(frozen=True)
class Facts:
    """What the page says in numbers and words."""

    title: str
    tiles: Mapping[str, str]  # what it is → its value
    warnings: Sequence[str]
    dropped: Sequence[Dropped]


def write_report(
    folder: Path, facts: Facts, placed: Placed, coverage: Coverage, cutouts: Sequence[tuple[str, str]]
) -> Path:
    """Writes `capture.html`.

    Args:
        folder: of the class.
        facts: numbers and words.
        placed: cameras and points in the object's frame.
        coverage: of the hemisphere.
        cutouts: caption and picture (see `chequered`) of each view.
    """
    sparse = placed.sparse
    tiles = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for name, value in facts.tiles.items()
    )
    warnings = "".join(f'<p class="warn">{escape(text)}</p>' for text in facts.warnings)
    advice = "".join(f"<li>{escape(text)}</li>" for text in coverage.advice()) or "<li>nothing is missing</li>"
    dropped = "".join(f"<li>{escape(d.name)}: {escape(d.reason)}</li>" for d in facts.dropped) or "<li>none</li>"
    figures = "".join(
        f'<figure><img src="{picture}" alt="{escape(name, quote=True)}" loading="lazy">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, picture in cutouts
    )
    cameras = draw_cameras(sparse.poses, sparse.camera, sparse.points[placed.part], sparse.colors[placed.part])
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(facts.title)}: capture</title><style>{_STYLE}</style></head><body>
<h1>{escape(facts.title)}: capture</h1>
<div class="tiles">{tiles}</div>{warnings}
<div class="pair"><div class="panel"><h2>Cameras around the part</h2>{cameras}</div>
<div class="panel"><h2>Seen from where</h2>{draw_hemisphere(coverage)}
<p>From above; the rim is level with the part, the front is where the first photo was taken.
Red: no photo; yellow: few.</p>
<ul>{advice}</ul></div></div>
<h2>Photos that were dropped</h2><ul>{dropped}</ul>
<h2>The part in each photo</h2><div class="cuts">{figures}</div>
</body></html>
"""
    path = folder / REPORT
    write_text(path, page)
    return path


def chequered(image: Image, alpha: Map) -> str:
    """A cut-out [H, W, 3] over a chequered ground, small, as a data URI."""
    factor = min(1.0, _TILE / max(alpha.shape))
    size = (max(1, round(alpha.shape[1] * factor)), max(1, round(alpha.shape[0] * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    share = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)[..., None]
    rows, columns = np.mgrid[: size[1], : size[0]]
    ground = np.where((rows // 8 + columns // 8) % 2 == 0, 225.0, 165.0)[..., None] * np.array([1.0, 0.9, 1.0])
    picture = np.ascontiguousarray(np.clip(share * small + (1 - share) * ground, 0, 255).astype(np.uint8))
    return "data:image/jpeg;base64," + base64.b64encode(simplejpeg.encode_jpeg(picture, 80)).decode("ascii")
