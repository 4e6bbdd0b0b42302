"""What an inspection says of an image: the types that CLI, nodes and evaluation share."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import ImageError, InspectionError, NoObjectError, NotLocalizedError

Image = NDArray[np.uint8]  # [H, W, 3] RGB
Mask = NDArray[np.bool_]  # [H, W]
Map = NDArray[np.float32]  # [H, W]


# A results folder: a line per image, and a folder of pictures of each kind.
RESULTS_FILE = "results.jsonl"
RESULT_FOLDERS = {"view": "views", "reference": "references", "overlay": "overlays", "map": "maps"}
_RESULT_NAME = re.compile(r"[0-9]{5,}-[A-Za-z0-9-]*\.(jpg|npy)")


def is_result_picture(path: Path) -> bool:
    """Whether an inspection has left this file in its results folder: a picture or map that belongs to a line."""
    named = path.parent.name in RESULT_FOLDERS.values() and _RESULT_NAME.fullmatch(path.name)
    return bool(named) and (path.parent.parent / RESULTS_FILE).is_file()


class Status(IntEnum):
    """Whether an image could be judged; the numbers are those of `AnomalyResult.msg`."""

    OK = 0
    NOT_LOCALIZED = 1
    NO_OBJECT = 2
    BAD_IMAGE = 3
    TIMEOUT = 4
    ERROR = 5

    @classmethod
    def of(cls, error: Exception) -> Status:
        """The status that an error during inspection leads to."""
        for kind, status in _STATUS_OF_ERROR:
            if isinstance(error, kind):
                return status
        return cls.ERROR


_STATUS_OF_ERROR: tuple[tuple[type[InspectionError], Status], ...] = (
    (NotLocalizedError, Status.NOT_LOCALIZED),
    (NoObjectError, Status.NO_OBJECT),
    (ImageError, Status.BAD_IMAGE),
)


class RegionKind(IntEnum):
    """How a region differs (paper, section 3.2); the numbers are those of `AnomalyRegion.msg`."""

    MISSING = 0  # only in the rendered mask: a part that should be there
    ADDED = 1  # only in the test mask: a part that should not be there
    MODIFIED = 2  # in both: a part that looks different


@dataclass(frozen=True)
class Region:
    """A connected anomalous region; `box` is x, y, width, height in pixels, `area` in pixels."""

    kind: RegionKind
    box: tuple[int, int, int, int]
    peak: float
    area: int


@dataclass(frozen=True)
class PoseEstimate:
    """A camera-to-object pose with the evidence for it; the error is the inliers' RMS in pixels.

    `pnp_ms` is the part of localisation that PnP took, in milliseconds: all that SplatPose+ counts of it.
    """

    object_from_camera: NDArray[np.float64]  # [4, 4]
    inliers: int
    matches: int
    reprojection_error: float
    pnp_ms: float = float("nan")


@dataclass(frozen=True)
class Reference:
    """The twin as the camera should see it."""

    image: Image  # [H, W, 3] the normal view S over white
    mask: Mask  # [H, W] M_s
    transmittance: Map  # [H, W] residual transmittance, 1 on background


@dataclass(frozen=True)
class Background:
    """What is not the part: the test mask and the image with the part taken out."""

    object_mask: Mask  # [H, W] M_t
    image: Image  # [H, W, 3]


@dataclass
class Inspection:
    """The result of one image. What could not be judged is anomalous: no part passes silently.

    `score` and `threshold` are NaN, `regions` and `evidence` empty and the arrays None unless `status` is OK.
    `evidence` is what the view says of each place on the part (see `pad_ros.anomaly.part`).
    `timings` maps a stage to milliseconds, with `total`.
    """

    status: Status
    reason: str = ""
    score: float = float("nan")
    threshold: float = float("nan")
    anomalous: bool = True
    regions: list[Region] = field(default_factory=list)
    pose: PoseEstimate | None = None
    timings: dict[str, float] = field(default_factory=dict)
    evidence: bytes = b""
    anomaly_map: Map | None = None
    reference: Reference | None = None
    augmented: Image | None = None  # S_aug
    background: Background | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields of one line of `results.jsonl`, as plain JSON types (NaN becomes None)."""
        return {
            "status": self.status.name,
            "reason": self.reason,
            "score": None if np.isnan(self.score) else float(self.score),
            "threshold": None if np.isnan(self.threshold) else float(self.threshold),
            "anomalous": bool(self.anomalous),
            "regions": [
                {"kind": r.kind.name.lower(), "box": list(r.box), "peak": float(r.peak), "area": int(r.area)}
                for r in self.regions
            ],
            "evidence": base64.b64encode(self.evidence).decode("ascii"),
            "object_from_camera": None if self.pose is None else self.pose.object_from_camera.tolist(),
            "inliers": 0 if self.pose is None else self.pose.inliers,
            "timings": {stage: round(ms, 3) for stage, ms in self.timings.items()},
        }
