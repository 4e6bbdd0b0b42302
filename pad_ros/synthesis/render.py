"""The worker inside Blender's Python: renders the images that a job file lists.

`python -m pad_ros.synthesis.render JOB.json`. Images that stand already are skipped; each new one
appears whole or not at all. Every image is reported as a line of JSON on standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.scene import Scene


def main(job_path: str) -> None:
    """Renders a job: `resolution`, `horizontal_angle`, `samples`, `assemblies` (key to .npz), `images`."""
    job = json.loads(Path(job_path).read_text())
    images = [image for image in job["images"] if not Path(image["path"]).is_file()]
    if not images:
        return
    scene = Scene(job["resolution"], job["horizontal_angle"], job["samples"])
    for key in sorted({image["assembly"] for image in images}):
        scene.add_assembly(key, Assembly.load(job["assemblies"][key]))
    for image in images:
        _render(scene, image)
        print(json.dumps({"done": image["path"]}), flush=True)


def _render(scene: Scene, image: dict[str, Any]) -> None:
    path = Path(image["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    world_from_object = np.array(image["world_from_object"])
    scene.show(image["assembly"], world_from_object, image["belt_shift"], image["cutout"])
    scene.render(np.array(image["world_from_camera"]), str(partial))
    if image["cutout"]:
        _put_on_white(str(partial))
    partial.replace(path)


def _put_on_white(path: str) -> None:
    """Composites a cut-out's straight colours over white, and keeps its alpha."""
    image = bpy.data.images.load(path)
    image.alpha_mode = "CHANNEL_PACKED"  # colours as they stand in the file
    pixels = np.empty(4 * image.size[0] * image.size[1], dtype=np.float32)
    image.pixels.foreach_get(pixels)
    rgba = pixels.reshape(-1, 4)
    alpha = rgba[:, 3:]
    rgba[:, :3] = rgba[:, :3] * alpha + (1.0 - alpha)
    image.pixels.foreach_set(pixels)
    image.file_format = "PNG"
    image.filepath_raw = path
    image.save()
    bpy.data.images.remove(image)


if __name__ == "__main__":
    main(sys.argv[1])
