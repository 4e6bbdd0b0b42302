"""The worker inside Blender's Python: renders the images that a job file lists.

`python -m pad_ros.synthesis.render JOB.json`. Images that stand already are skipped; each new one
appears whole or not at all. Standard output has a line of JSON per image, or one that says what went wrong.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from pad_ros.common.files import partial_path
from pad_ros.synthesis.assembly import Assembly, apply
from pad_ros.synthesis.photo import expose
from pad_ros.synthesis.scene import Scene
from pad_ros.synthesis.storage import explain, settle_png
from pad_ros.synthesis.window import window


def main(job_path: str) -> int:
    """Renders a job and returns the exit status.

    A job has `resolution`, `horizontal_angle`, `samples`, `threads`, `object_size`, `assemblies` (key to .npz)
    and `images`, whose rows `pad_ros.synthesis.generate` makes.
    """
    job = json.loads(Path(job_path).read_text())
    images = [image for image in job["images"] if not Path(image["path"]).is_file()]
    if not images:
        return 0
    scene = Scene(job["resolution"], job["horizontal_angle"], job["samples"], job["threads"], job["object_size"])
    corners = {}
    for key in sorted({image["assembly"] for image in images}):
        assembly = Assembly.load(job["assemblies"][key])
        scene.add_assembly(key, assembly)
        corners[key] = assembly.surface.vertices
    for image in images:
        path = Path(image["path"])
        partial = partial_path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _limit(image, corners[image["assembly"]], job["horizontal_angle"])
            seconds = _render(scene, image, partial)
            settle_png(partial, path)
        except (OSError, RuntimeError) as error:  # the latter is Blender's when it cannot write a file
            reason = explain(path, error)  # while the disk is as full as it was
            partial.unlink(missing_ok=True)
            print(json.dumps({"error": reason}), flush=True)
            return 1
        print(json.dumps({"done": image["path"], **seconds}), flush=True)
    return 0


def _limit(image: dict[str, Any], corners: np.ndarray, horizontal_angle: float) -> None:
    """Has a cut-out rendered only where the object is: half the time, and the rest is transparent anyway."""
    render = bpy.context.scene.render
    render.use_border = image["cutout"]
    if image["cutout"]:
        camera_from_object = np.linalg.inv(image["world_from_camera"]) @ image["world_from_object"]
        left, bottom, right, top = window(apply(camera_from_object, corners), horizontal_angle)
        render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = left, right, bottom, top


def _render(scene: Scene, image: dict[str, Any], partial: Path) -> dict[str, float]:
    """Renders one image to a file; returns the seconds it took to render and to finish."""
    start = time.perf_counter()
    scene.show(
        image["assembly"],
        np.array(image["world_from_object"]),
        image["belt_shift"],
        image["cutout"],
        image["conditions"],
    )
    scene.render(np.array(image["world_from_camera"]), str(partial), image["oversampling"])
    rendered = time.perf_counter()
    photo = image["conditions"].get("camera")
    if image["cutout"] or photo:
        _retouch(str(partial), lambda pixels: _finish(pixels, image["cutout"], photo))
    return {"render": rendered - start, "finish": time.perf_counter() - rendered}


def _finish(pixels: np.ndarray, cutout: bool, photo: dict[str, Any] | None) -> np.ndarray:
    """Takes the photo, then puts a cut-out's straight colours over white; [H, W, 4] in 0…1, alpha stays."""
    shown = pixels if cutout else pixels[..., :3]
    if photo:
        shown = expose(np.ascontiguousarray(shown), photo)
    if cutout:
        alpha = shown[..., 3:]
        shown = np.concatenate([shown[..., :3] * alpha + (1.0 - alpha), alpha], axis=2)
    return shown


def _retouch(path: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Changes an image's pixels: given [H, W, 4], top row first, sRGB 0…1, the first channels are replaced."""
    image = bpy.data.images.load(path)
    image.alpha_mode = "CHANNEL_PACKED"  # colours as they stand in the file
    width, height = image.size
    pixels = np.empty((height, width, 4), dtype=np.float32)
    image.pixels.foreach_get(pixels.ravel())
    changed = change(pixels[::-1])
    pixels[::-1, :, : changed.shape[2]] = changed
    image.pixels.foreach_set(pixels.ravel())
    image.file_format = "PNG"
    image.filepath_raw = path
    image.save()
    bpy.data.images.remove(image)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
