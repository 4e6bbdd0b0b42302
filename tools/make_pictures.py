"""Makes the pictures of README and docs from `sample/` and the data set `data/vehicles`.

Use: .venv/bin/python tools/make_pictures.py [demo] [sheets] [variations]; all of them without a name.
"""

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from pad_ros.dataset.classes import read_class
from pad_ros.evaluation.overlay import draw_overlay
from pad_ros.evaluation.results_writer import encode_jpeg
from pad_ros.images import read_image
from pad_ros.inspector import Inspector
from pad_ros.product import Product
from pad_ros.synthesis.blender import find_blender
from pad_ros.synthesis.job import assemblies_of, render_rows, test_row
from pad_ros.synthesis.planning import SynthesisSettings, TestObject, plan_objects
from pad_ros.synthesis.preview import Tile, contact_sheet
from pad_ros.synthesis.vehicles import build_vehicle

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "images"
DATA = ROOT / "data" / "vehicles"
# One part of each kind, in the view with the largest visible defect.
KINDS = ("added", "removed", "colour")


def _light(intensity: float, kelvin: float, elevation: float, azimuth: float, softness: float) -> dict:
    names = ("intensity", "temperature_k", "elevation_deg", "azimuth_deg", "softness")
    return {"light": dict(zip(names, (intensity, kelvin, elevation, azimuth, softness), strict=True))}


def _camera(exposure: float, blur: float, shot_noise: float, red: float, blue: float) -> dict:
    names = ("exposure_ev", "blur", "read_noise", "shot_noise", "red", "blue", "seed")
    return {"camera": dict(zip(names, (exposure, blur, 0.002, shot_noise, red, blue, 1), strict=True))}


def _around(belt: str, floor: str) -> dict:
    return {"surroundings": {"belt": belt, "floor": floor}}


def _dirt(amount: float, seed: int) -> dict:
    return {"dirt": {"amount": amount, "seed": seed}}


# What an image may look like: title, view, conditions (see pad_ros.synthesis.conditions).
VARIED = (
    ("as in training", 0, {}),
    ("light: warm, 3000 K", 0, _light(1.1, 3000, 70, 30, 0.6)),
    ("light: cold, from the side", 0, _light(1.2, 7000, 42, 120, 0.3)),
    ("light: dim", 4, _light(0.6, 4500, 60, 300, 1.0)),
    ("rubber belt, epoxy floor", 0, _around("rubber", "epoxy")),
    ("PVC belt, tiles", 4, _around("pvc", "tiles")),
    ("modular belt, epoxy floor", 0, _around("modular", "epoxy")),
    ("dirt: a little", 0, _dirt(0.4, 3)),
    ("dirt: a lot", 5, _dirt(1.0, 4)),
    ("camera: dark, noisy", 0, _camera(-0.7, 0.0, 0.02, 1.05, 0.95)),
    ("camera: bright, blurred", 4, _camera(0.7, 0.002, 0.01, 0.96, 1.04)),
    (
        "everything",
        5,
        _dirt(0.8, 9)
        | _around("rubber", "tiles")
        | _light(0.8, 3600, 50, 120, 0.4)
        | _camera(0.2, 0.001, 0.015, 1.0, 1.0),
    ),
)


def demo() -> None:
    """Writes demo.jpg: test image, twin, verdict."""
    data = read_class(DATA / "off_road_car")
    inspector = Inspector(Product.load(ROOT / "sample" / "product"))
    shape = (data.camera.height, data.camera.width)
    rows = []
    for kind in KINDS:
        views = [view for view in data.test if view.defect == kind]
        image = read_image(max(views, key=lambda view: view.read_ground_truth(shape).sum()).path)
        inspection = inspector.inspect(image)
        if inspection.reference is not None:
            rows.append(np.concatenate([image, inspection.reference.image, draw_overlay(image, inspection)], axis=1))
    (PICTURES / "demo.jpg").write_bytes(encode_jpeg(np.concatenate(rows)))


def sheets() -> None:
    """Writes the contact sheets that `pad synth --preview` left in data/ to dataset/CLASS.jpg."""
    folder = PICTURES / "dataset"
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(DATA.parent.glob("*/*_preview.png")):
        sheet = read_image(path)
        size = (1200, round(1200 * sheet.shape[0] / sheet.shape[1]))
        small = cv2.resize(sheet, size, interpolation=cv2.INTER_AREA)
        (folder / f"{path.stem.removesuffix('_preview')}.jpg").write_bytes(encode_jpeg(small))


def variations() -> None:
    """Writes variations.jpg: one part under the conditions that `--vary` draws from."""
    intact = build_vehicle("off_road_car")
    settings = SynthesisSettings(resolution=320, objects=1)
    place = plan_objects(intact, settings)[0]
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for number, (_, view, conditions) in enumerate(VARIED):
            part = TestObject(**{**vars(place), "conditions": [conditions] * settings.views})
            rows.append(test_row(Path(folder) / f"{number}.png", part, view))
        for _ in render_rows(find_blender(), settings.resolution, settings.samples, assemblies_of(intact, []), rows):
            pass
        tiles = [Tile(read_image(row["path"]), title) for row, (title, *_) in zip(rows, VARIED, strict=True)]
    sheet = contact_sheet("off road car", "what --vary changes", tiles, columns=4, size=300)
    (PICTURES / "variations.jpg").write_bytes(encode_jpeg(sheet))


if __name__ == "__main__":
    makers = {"demo": demo, "sheets": sheets, "variations": variations}
    for name in sys.argv[1:] or makers:
        makers[name]()
