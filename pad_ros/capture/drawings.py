"""The report's drawings, as SVG: cameras around the part, and the hemisphere from above."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pad_ros.capture.coverage import Coverage
from pad_ros.capture.views import Points, project
from pad_ros.geometry import Camera, look_at

_MOST_POINTS = 2500
_LOOK_FROM = (-0.5, -1.0, 0.75)


def draw_cameras(poses: Points, camera: Camera, points: Points, colors: NDArray[np.uint8], size: int = 560) -> str:
    """Cameras [V, 4, 4] as little pyramids around the part's points [P, 3], seen from half above, front left."""
    middle = np.median(points, axis=0) if len(points) else np.zeros(3)
    reach = float(np.linalg.norm(poses[:, :3, 3] - middle, axis=1).max())
    towards = np.array(_LOOK_FROM) / np.linalg.norm(_LOOK_FROM)
    eye = look_at(middle + 3.6 * reach * towards, middle, np.array([0.0, 0.0, 1.0]))
    onlooker = Camera(size, size, 1.45 * size, 1.45 * size, size / 2, size / 2)
    step = max(1, len(points) // _MOST_POINTS)
    pixels, _ = project(onlooker, eye, points[::step])
    marks = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.3" fill="rgb({r},{g},{b})"/>'
        for (x, y), (r, g, b) in zip(pixels, colors[::step], strict=True)
    ]
    half = 0.07 * reach * np.array([camera.width / camera.fx / 2, camera.height / camera.fy / 2])
    corners = np.array([[x * half[0], y * half[1], 0.07 * reach] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
    order = np.argsort(-np.linalg.norm(poses[:, :3, 3] - eye[:3, 3], axis=1))  # far ones first
    for pose in poses[order]:
        shape = np.vstack([pose[:3, 3], corners @ pose[:3, :3].T + pose[:3, 3]])
        tip, *frame = project(onlooker, eye, shape)[0]
        outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in frame)
        lines = "".join(f"M{tip[0]:.1f},{tip[1]:.1f}L{x:.1f},{y:.1f}" for x, y in frame)
        marks.append(f'<path class="cam" d="{lines}"/><polygon class="cam" points="{outline}"/>')
    return f'<svg viewBox="0 0 {size} {size}" role="img" aria-label="cameras around the part">{"".join(marks)}</svg>'


def draw_hemisphere(coverage: Coverage, size: int = 420) -> str:
    """The directions from above, the front below; pieces without a photo red, with too few yellow; a dot per photo."""
    radius = size / 2 - 34

    def place(azimuth: float, elevation: float) -> tuple[float, float]:
        away, turn = radius * (1 - np.clip(elevation, 0, 90) / 90), np.radians(azimuth)
        return size / 2 + away * np.sin(turn), size / 2 + away * np.cos(turn)

    marks = []
    for d in coverage.directions:
        kind = "none" if d.photos == 0 else "few" if d.photos < d.wanted else "enough"
        if d.azimuth[1] - d.azimuth[0] >= 360:
            outer = radius * (1 - d.elevation[0] / 90)
            shape = f'<circle class="{kind}" cx="{size / 2}" cy="{size / 2}" r="{outer:.1f}"'
        else:
            steps = np.linspace(*d.azimuth, 9)
            ring = [place(a, d.elevation[0]) for a in steps] + [place(a, d.elevation[1]) for a in steps[::-1]]
            shape = f'<polygon class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in ring)}"'
        marks.append(f"{shape}><title>{d.name}: {d.photos} photos, {d.wanted} wanted</title></{shape[1:8].split()[0]}>")
    for azimuth, elevation in zip(coverage.azimuths, coverage.elevations, strict=True):
        x, y = place(azimuth, elevation)
        marks.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    for text, x, y in (
        ("front", size / 2, size - 8),
        ("back", size / 2, 22),
        ("left", 16, size / 2),
        ("right", size - 16, size / 2),
    ):
        marks.append(f'<text x="{x}" y="{y}" text-anchor="middle">{text}</text>')
    return f'<svg viewBox="0 0 {size} {size}" role="img" aria-label="coverage of the hemisphere">{"".join(marks)}</svg>'
