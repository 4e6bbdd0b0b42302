"""The YAML file of a calibrated camera, as ROS's camera_calibration and camera_info_manager write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pad_ros.common.files import shown
from pad_ros.errors import ConfigError, DatasetError
from pad_ros.geometry import Camera
from pad_ros.lens import MODELS, Lens

CAMERA_INFO = "camera_info.yaml"  # in a class whose transforms.json says nothing of the camera


def read_camera_info(path: Path, size: tuple[int, int] | None = None) -> Lens:
    """Reads a lens; ROS has pixel centres at whole numbers, the core at +0.5.

    Args:
        path: of the YAML file; the fields of a CameraInfo message (`ros2 topic echo --once`) do as well.
        size: width and height of the photos, if they must be this camera's.

    Raises:
        DatasetError: unreadable, not calibrated, for another size, or of a lens model that is not supported.
    """
    try:
        content: Any = next(iter(yaml.safe_load_all(path.read_text())))
        width, height = (int(content.get(f"image_{name}", content.get(name))) for name in ("width", "height"))
        k = np.array(_numbers(content, "camera_matrix", "k"), np.float64).reshape(3, 3)
        d = np.trim_zeros(np.array(_numbers(content, "distortion_coefficients", "d"), np.float64), "b")
        model = str(content.get("distortion_model") or "plumb_bob")
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DatasetError(f"{shown(path)}: unreadable ({' '.join(str(error).split())})") from None
    except (AttributeError, KeyError, TypeError, ValueError, StopIteration):
        raise DatasetError(
            f"{shown(path)}: not a camera's calibration; expected the YAML file that camera_calibration writes "
            "(image_width, image_height, camera_matrix, distortion_model, distortion_coefficients)"
        ) from None
    if k[0, 0] == 0:
        raise DatasetError(
            f"{shown(path)}: the camera is not calibrated (K is 0); calibrate it with camera_calibration"
        )
    if size is not None and (width, height) != size:
        raise DatasetError(f"{shown(path)}: for images of {width}x{height}, the photos are {size[0]}x{size[1]}")
    model = {"fisheye": "equidistant", "rational": "rational_polynomial"}.get(model, model)
    if d.size == 0 and model != "equidistant":
        model = "none"
    if model not in MODELS or d.size > MODELS[model]:
        raise DatasetError(
            f"{shown(path)}: distortion model {model!r} with {d.size} coefficients is not supported, only "
            f"{', '.join(MODELS)}; rectify the images (image_proc)"
        )
    try:
        fx, fy, cx, cy = map(float, (k[0, 0], k[1, 1], k[0, 2] + 0.5, k[1, 2] + 0.5))
        camera = Camera(width, height, fx, fy, cx, cy)
        return Lens(camera, model, tuple(np.pad(d, (0, MODELS[model] - d.size))))
    except ConfigError as error:
        raise DatasetError(f"{shown(path)}: {error}") from None


def _numbers(content: dict[str, Any], name: str, short: str) -> Any:
    return content[name]["data"] if name in content else content[short]
